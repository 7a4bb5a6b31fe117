"""The guide's HTTP client: loopback only, no proxy, errors as sentences."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from dermatech.run.client import Client, Part, RequestFailed, multipart
from tests.services.processes import free_port


class Server(BaseHTTPRequestHandler):
    """Answers with what it was sent; below /refuse with a problem document."""

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        refuse = "/refuse" in self.path
        problem = {"detail": "Some fields are not valid.", "code": "validation_failed"}
        problem |= {"errors": [{"field": "patient.sex", "code": "x", "message": "Say male or female."}]}  # type: ignore[dict-item]
        sent = {"path": self.path, "auth": self.headers.get("Authorization"), "length": len(body)}
        content = (
            b"<h1>oops</h1>" if "html" in self.path else json.dumps(problem if refuse else sent).encode()
        )
        self.send_response(400 if refuse else 200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = _answer  # noqa: N815  # the base class looks for these names

    def log_message(self, *_: Any) -> None:
        return


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    server = HTTPServer(("127.0.0.1", 0), Server)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield Client("127.0.0.1", server.server_port)
    server.shutdown()
    server.server_close()
    thread.join()


def test_it_asks_below_api_v1_with_its_token_and_past_any_proxy(client: Client) -> None:
    client.token = "abc"
    assert client.get("/x").json() == {"path": "/api/v1/x", "auth": "Bearer abc", "length": 0}


def test_a_refusal_is_told_in_the_servers_own_words(client: Client) -> None:
    with pytest.raises(
        RequestFailed, match=r"400: Some fields .* \(validation_failed\); patient.sex: Say male"
    ):
        client.post_json("/refuse", {})


def test_an_answer_that_is_no_problem_document_is_quoted(client: Client) -> None:
    with pytest.raises(RequestFailed, match="<h1>oops</h1>"):
        client.get("/refuse/html")


def test_a_server_that_is_not_there_is_a_sentence() -> None:
    with pytest.raises(RequestFailed, match="got no answer"):
        Client("127.0.0.1", free_port()).get("/x")


def test_a_form_carries_every_part_whole(client: Client) -> None:
    parts = [Part("data", b"{}", "application/json"), Part("image", b"\xff\xd8\r\n--", "image/jpeg", "a.jpg")]
    body = multipart(parts, "frontier")
    assert body.count(b"--frontier\r\n") == 2
    assert body.endswith(b"--frontier--\r\n")
    assert b'name="image"; filename="a.jpg"\r\nContent-Type: image/jpeg\r\n\r\n\xff\xd8\r\n--\r\n' in body
    assert client.post_form("/x", parts).json()["length"] > len(b"{}")
