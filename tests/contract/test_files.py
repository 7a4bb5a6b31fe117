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


def test_the_words_of_a_named_enum_are_nowhere_spelled_out(made: dict[str, str]) -> None:
    """A generator makes one type of them, not one for each place."""
    document: dict[str, Any] = json.loads(made[OPENAPI])
    schemas = document["components"]["schemas"]
    named = {frozenset(each["enum"]) for each in schemas.values() if "enum" in each}
    others = {name: each for name, each in schemas.items() if "enum" not in each}

    def spelled(part: Any) -> list[Any]:
        if isinstance(part, list):
            return [found for each in part for found in spelled(each)]
        if not isinstance(part, dict):
            return []
        words = part.get("enum")
        mine = [words] if isinstance(words, list) and frozenset(words) in named else []
        return mine + [found for each in part.values() for found in spelled(each)]

    assert spelled([others, document["paths"]]) == []
    assert {"TriageLevelEnum", "DecisionActionEnum", "ExclusionEnum", "OutcomeEnum"} <= set(schemas)
