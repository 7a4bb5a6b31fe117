"""The mock server that the app's developers run."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from dermatech.contract.__main__ import FOLDER, OPENAPI
from dermatech.contract.document import operations
from tests.services import node
from tests.services.processes import Service, eventually, free_port

pytestmark = [
    pytest.mark.services,
    pytest.mark.skipif(bool(node.missing()), reason=node.missing()),
]


@pytest.fixture
def mock_server(tmp_path: Path) -> Iterator[str]:
    port = free_port()
    prism = [str(node.tool("prism")), "mock", str(FOLDER / OPENAPI), "-p", str(port), "-h", "127.0.0.1"]
    service = Service(prism, log=tmp_path / "prism")
    try:
        eventually(lambda: "Prism is listening" in (tmp_path / "prism").read_text(), within=60, what="Prism")
        yield f"http://127.0.0.1:{port}"
    finally:
        service.kill()


def test_the_mock_server_answers_every_operation_as_the_document_says(mock_server: str) -> None:
    document = json.loads((FOLDER / OPENAPI).read_text())
    found = node.run("prism.mjs", {"document": document, "base": mock_server})
    assert found["wrong"] == []
    assert set(found["answered"]) == {operation.id for operation in operations(document)}
