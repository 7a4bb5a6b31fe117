"""The files that the app's developers take from the repository are those of this code."""

import json
from typing import Any

import pytest

from dermatech.contract.__main__ import FOLDER, OPENAPI, POSTMAN, files
from dermatech.contract.document import operations
from dermatech.contract.postman import collection


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    return files()


@pytest.mark.parametrize("name", [OPENAPI, POSTMAN])
def test_the_committed_file_is_the_one_this_code_makes(name: str, made: dict[str, str]) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == made[name], "write it again: make contract"


def test_every_operation_has_a_request_with_assertions(made: dict[str, str]) -> None:
    document, postman = json.loads(made[OPENAPI]), json.loads(made[POSTMAN])
    requests = [item for folder in postman["item"] for item in folder["item"]]
    asked = {(item["request"]["method"], len(item["request"]["url"]["path"])) for item in requests}
    for operation in operations(document):
        assert (operation.method, len(operation.path.strip("/").split("/"))) in asked
    assert all("to.have.status" in "".join(item["event"][0]["script"]["exec"]) for item in requests)
    assert len({item["id"] for item in requests}) == len(requests)


def test_an_operation_that_no_request_tries_is_named(made: dict[str, str]) -> None:
    document: dict[str, Any] = json.loads(made[OPENAPI])
    document["paths"]["/api/v1/new"] = {"get": {"operationId": "brand_new", "responses": {}}}
    with pytest.raises(KeyError, match="brand_new"):
        collection(document)
