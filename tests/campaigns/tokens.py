"""Forged and mangled access tokens against the running server: none may be taken.

`python -m tests.campaigns tokens` starts Redis, gunicorn and the worker on a database of its own, signs
in, and sends every forgery to two addresses. The forger is given more than a real one would have: the
signing key, for the families whose point is a wrong claim or another algorithm.
"""

import argparse
import base64
import hashlib
import hmac
import itertools
import json
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

Forgery = tuple[str, str]  # family, token
_GOOD_HEADER: dict[str, Any] = {"alg": "HS256", "typ": "JWT"}
_NOT_HASHES = ("HS256 ", "hs256", "Hs256", "SHA256", "RS256", "ES256", "PS256", "EdDSA", "A256KW", "dir")


def forgeries(access: str, refresh: str, key: str) -> Iterator[Forgery]:
    """At least 300 tokens that must be refused; `access` is a good one, `key` signs."""
    claims: dict[str, Any] = json.loads(_unb64(access.split(".")[1]))
    yield from _unsigned(access, claims)
    yield from _confused(claims, key)
    yield from _other_keys(claims)
    yield from _own_keys(claims)
    yield from _wrong_claims(claims, key)
    yield from _wrong_times(claims, key)
    yield from _mangled(access)
    yield from _respelt(access)
    yield from _other_kinds(access, refresh, claims, key)


def _unsigned(access: str, claims: Mapping[str, Any]) -> Iterator[Forgery]:
    spellings = ["".join(word) for word in itertools.product("nN", "oO", "nN", "eE")]
    algorithms: list[Any] = [
        *spellings,
        " none",
        "none ",
        "n0ne",
        "null",
        "",
        None,
        0,
        False,
        [],
        {},
        ["HS256"],
    ]
    signature = access.rpartition(".")[2]
    for algorithm in algorithms:
        body = _body({"alg": algorithm, "typ": "JWT"}, claims)
        for end in ("", signature):
            yield "none", f"{body}.{end}"
    yield "none", f"{_body({'typ': 'JWT'}, claims)}."


def _confused(claims: Mapping[str, Any], key: str) -> Iterator[Forgery]:
    for algorithm, digest in (("HS384", "sha384"), ("HS512", "sha512"), ("HS1", "sha1"), ("HS224", "sha224")):
        yield "algorithm", _signed({"alg": algorithm, "typ": "JWT"}, claims, key.encode(), digest)
    for algorithm in _NOT_HASHES:
        yield "algorithm", _signed({"alg": algorithm, "typ": "JWT"}, claims, key.encode())
    for digest in ("sha1", "sha224", "sha384", "sha512", "md5"):  # says HS256, is another
        yield "algorithm", _signed(_GOOD_HEADER, claims, key.encode(), digest)
    plain = hashlib.sha256(_body(_GOOD_HEADER, claims).encode()).digest()
    yield "algorithm", f"{_body(_GOOD_HEADER, claims)}.{_b64(plain)}"


def _other_keys(claims: Mapping[str, Any]) -> Iterator[Forgery]:
    guesses = [
        "", "\0", " ", "0", "secret", "password", "changeme", "dermatech", "DermaTech Ghana",
        "dermatech-api", "jwt", "key", "test", "django-insecure", "your-256-bit-secret", "x" * 32, "0" * 32,
        "\0" * 32, "a" * 43, "None", "null", "undefined", str(claims["sub"]), str(claims["sid"]),
        str(claims["jti"]),
    ]  # fmt: skip
    for guess in guesses:
        yield "key", _signed(_GOOD_HEADER, claims, guess.encode())


def _own_keys(claims: Mapping[str, Any]) -> Iterator[Forgery]:
    kids = [
        "../../../../dev/null", "/dev/null", "/proc/self/environ", "' UNION SELECT ''--", "0", "", "dev1",
        "http://127.0.0.1/key", "| cat /dev/null", "\0", "a" * 300, 7, None, [], {"k": ""},
    ]  # fmt: skip
    mine = b"my own key, thirty-two bytes long"
    offers: list[dict[str, Any]] = [
        {"jwk": {"kty": "oct", "k": _b64(mine)}}, {"jku": "http://127.0.0.1:9/keys"},
        {"x5u": "http://127.0.0.1:9/c"}, {"x5c": [_b64(mine)]}, {"crit": ["exp"]},
        {"b64": False, "crit": ["b64"]}, {"zip": "DEF"}, {"cty": "JWT"}, {"enc": "A256GCM"}, {"epk": {}},
        {"x5t": _b64(mine)}, {"iss": "dermatech"},
    ]  # fmt: skip
    for kid in kids:
        for key in (b"", mine):
            yield "kid", _signed({**_GOOD_HEADER, "kid": kid}, claims, key)
    for offer in offers:
        for key in (b"", mine):
            yield "own key", _signed({**_GOOD_HEADER, **offer}, claims, key)


def _wrong_claims(claims: Mapping[str, Any], key: str) -> Iterator[Forgery]:
    strange = str(uuid.uuid4())
    for name in ("sub", "sid", "epoch", "exp", "iat", "jti", "typ", "aud", "iss"):
        without = {k: v for k, v in claims.items() if k != name}
        yield "claim", _signed(_GOOD_HEADER, without, key.encode())
        yield "claim", _signed(_GOOD_HEADER, {**claims, name: None}, key.encode())
        yield (
            "claim",
            _signed(
                _GOOD_HEADER,
                {**claims, name: [claims[name], "x"]} | ({"aud": ["x"]} if name == "aud" else {}),
                key.encode(),
            ),
        )
        yield "claim", _signed(_GOOD_HEADER, {**claims, name: {}}, key.encode())
    changes: list[dict[str, Any]] = [
        {"sub": strange}, {"sub": ""}, {"sub": "1"}, {"sub": 0}, {"sub": "' OR 1=1 --"}, {"sid": strange},
        {"sid": ""}, {"sid": True}, {"epoch": -1}, {"epoch": claims["epoch"] + 1},
        {"epoch": str(claims["epoch"])}, {"epoch": float(claims["epoch"])}, {"epoch": True},
        {"epoch": 10**30}, {"typ": "refresh"}, {"typ": "sliding"}, {"typ": "Access"}, {"typ": ""},
        {"aud": "dermatech"}, {"aud": "*"}, {"aud": ""}, {"aud": "DERMATECH-API"}, {"iss": "Dermatech"},
        {"iss": ""}, {"iss": "https://dermatech.example"},
    ]  # fmt: skip
    for change in changes:
        yield "claim", _signed(_GOOD_HEADER, {**claims, **change}, key.encode())
    for payload in (b"", b"null", b"[]", b'"x"', b"7", b"{", b"\xff\xfe", b'{"sub":'):
        body = f"{_b64(json.dumps(_GOOD_HEADER).encode())}.{_b64(payload)}"
        yield "claim", f"{body}.{_mac(body, key.encode())}"


def _wrong_times(claims: Mapping[str, Any], key: str) -> Iterator[Forgery]:
    now = int(time.time())
    times: list[dict[str, Any]] = [
        {"exp": now - 1}, {"exp": now - 600}, {"exp": 0}, {"exp": -1}, {"exp": 1}, {"exp": "tomorrow"},
        {"exp": ""}, {"exp": 10**40}, {"exp": True}, {"nbf": now + 600}, {"nbf": 10**12}, {"nbf": "x"},
        {"iat": now + 86_400}, {"iat": "x"}, {"iat": 10**13},
    ]  # fmt: skip
    for change in times:
        yield "clock", _signed(_GOOD_HEADER, {**claims, **change}, key.encode())


def _mangled(access: str) -> Iterator[Forgery]:
    for length in range(1, len(access), 7):
        yield "truncated", access[:length]
        yield "truncated", access[length:]
    yield "truncated", access[:-1]
    for place in range(0, len(access), 5):
        other = "A" if access[place] != "A" else "B"
        yield "changed letter", access[:place] + other + access[place + 1 :]
    head, body, signature = access.split(".")
    for parts in (
        (body, head, signature),
        (head, signature, body),
        (head, body),
        (head, "", signature),
        ("", body, signature),
    ):
        yield "parts", ".".join(parts)
    for extra in (
        f"{access}.",
        f".{access}",
        f"{access}.{signature}",
        f"{access}A",
        f"A{access}",
        f"{access}=",
        f"{access}==",
    ):
        yield "parts", extra


def _respelt(access: str) -> Iterator[Forgery]:
    """The same bytes in another spelling: still not the token that we gave."""
    head, body, signature = access.split(".")
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = letters.index(signature[-1])
    for spare in range(1, 4):
        yield "respelt", f"{head}.{body}.{signature[:-1]}{letters[last ^ spare]}"
    for odd in ("!", "%", "~", "*", "'", "(", "$", "="):
        yield "respelt", f"{head}.{body}.{signature[:10]}{odd}{signature[10:]}"
        yield "respelt", f"{head}.{odd}{body}.{signature}"
    yield "respelt", access.replace("-", "+").replace("_", "/") + "="
    yield "respelt", access.swapcase()
    yield "respelt", access.replace(".", "%2E")
    yield "respelt", f'"{access}"'


def _other_kinds(access: str, refresh: str, claims: Mapping[str, Any], key: str) -> Iterator[Forgery]:
    head, _, signature = access.split(".")
    yield "kind", refresh
    yield "kind", hashlib.sha256(refresh.encode()).hexdigest()
    yield "kind", str(claims["sid"])
    yield "kind", str(claims["jti"])
    yield "kind", "null"
    yield "kind", "undefined"
    yield "kind", "true"
    yield "kind", "." * 40
    yield "kind", "x" * 4000
    yield "kind", _b64(json.dumps({"protected": "", "payload": "", "signature": ""}).encode())
    yield (
        "kind",
        _signed(
            {**_GOOD_HEADER, "typ": "JWT"}, {**claims, "typ": "refresh", "token_type": "access"}, key.encode()
        ),
    )
    yield "kind", f"{head}..{signature}"
    yield "kind", ".".join([*access.split("."), "", ""])  # as long as an encrypted one


# --- by hand: a library would refuse to make these -----------------------------------------------
def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _body(header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
    return f"{_b64(json.dumps(header).encode())}.{_b64(json.dumps(claims).encode())}"


def _mac(body: str, key: bytes, digest: str = "sha256") -> str:
    return _b64(hmac.new(key, body.encode(), digest).digest())


def _signed(header: Mapping[str, Any], claims: Mapping[str, Any], key: bytes, digest: str = "sha256") -> str:
    body = _body(header, claims)
    return f"{body}.{_mac(body, key, digest)}"


# --- against the running server ------------------------------------------------------------------
def main(arguments: list[str]) -> int:
    argparse.ArgumentParser(prog="python -m tests.campaigns tokens", description=__doc__).parse_args(
        arguments
    )
    from tests.services.stack import Stack

    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder), database="sqlite")
        try:
            stack.start()
            return _try_all(stack)
        finally:
            stack.stop()


def _try_all(stack: Any) -> int:
    account, client = stack.accounts()["ama"], stack.client()

    def status(path: str, token: str) -> int:
        return int(client.ask("GET", path, headers={"Authorization": f"Bearer {token}"}).status)

    pair = client.post_json("/auth/login", {"email": account.email, "password": account.password}).json()
    access = pair["access"]
    key = (stack.place.data_dir / "secrets" / "jwt_signing_key").read_text().strip()
    sent: Counter[str] = Counter()
    taken: list[str] = []
    for family, token in forgeries(access, pair["refresh"], key):
        for path in ("/auth/me", "/consultations"):
            answer = status(path, token)
            if answer != 401:
                taken.append(f"{answer} {family} {path} {token[:60]}")
        sent[family] += 1
    good = status("/auth/me", access)
    for family, number in sent.items():
        print(f"  {number:4} {family}")
    print(
        f"{sent.total()} forged or mangled tokens at the running server: {len(taken)} not refused;", end=" "
    )
    print(f"the honest one is answered {good}", *taken[:20], sep="\n  " if taken else " ")
    return 0 if not taken and good == 200 and sent.total() >= 300 else 1
