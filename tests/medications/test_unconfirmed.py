"""What is said of a medicine while nobody has confirmed the diagnosis."""

import pytest

from tests.medications.conftest import Ask

pytestmark = pytest.mark.one_database
HYDROCORTISONE = "hydrocortisone-1-cream"


def test_a_medicine_for_an_unconfirmed_diagnosis_says_so_first(ask: Ask) -> None:
    found = ask("tinea-corporis", unconfirmed=("tinea-corporis",)).proposed
    assert found
    assert all(
        "Nobody has confirmed that this is Tinea corporis" in item.warnings[0]
        for item in found
        if item.may_supply
    )


def test_a_confirmed_diagnosis_needs_no_such_word(ask: Ask) -> None:
    found = ask("tinea-corporis").proposed
    assert not any("confirmed that this is" in text for item in found for text in item.warnings)


def test_a_steroid_warns_of_the_ringworm_that_it_may_be(ask: Ask) -> None:
    said = {"body_sites": ["arms"], "severity": "mild"}
    possible = ask("atopic-eczema", unconfirmed=("atopic-eczema", "tinea-corporis"), **said).proposed
    steroid = next(item for item in possible if item.medication == HYDROCORTISONE)
    assert any("Tinea corporis is possible too: rule it out first" in text for text in steroid.warnings)

    alone = ask("atopic-eczema", unconfirmed=("atopic-eczema",), **said).proposed
    steroid = next(item for item in alone if item.medication == HYDROCORTISONE)
    assert not any("possible too" in text for text in steroid.warnings)
