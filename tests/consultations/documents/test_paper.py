"""The PDF itself: letters, tags, bytes, and texts that were never meant for paper."""
# ruff: noqa: RUF001

import ctypes
from datetime import UTC, datetime, timedelta
from typing import Any

import pypdfium2
import pytest
import time_machine
import typst
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consultations.documents import pdf
from consultations.documents.coverage import printable
from consultations.documents.printing import UNKNOWN, Printer
from tests.consultations.cases import ringworm
from tests.consultations.documents.conftest import read_pdf
from tests.consultations.documents.pages import page

pytestmark = pytest.mark.one_database
# Twi, Fante, Ewe, Ga, Dagbani, Dagaare, Hausa, Yoruba neighbours; tone and nasal marks.
LETTERS = "ɛƐɔƆŋŊƒƑɖƉɣƔʋƲɓƁɗƊƙƘƴƳẽẼõÕũŨɩƖʊƱẹọṣəƏáàâǎéèêěíìîǐóòôǒúùûǔńǹḿ’ʼ“”«»–—…·×µ½°≥≤"
MARKED = ("ɛ́", "ɛ̀", "ɛ̃", "ɔ̀", "ɔ̃́", "ŋ́", "m̀", "e̱", "ɖ̀", "ʋ́")
NAUGHTY = (
    "#panic(1)", "$x^2$", "*bold* _soft_", "@label <label>", "= Heading", "[content]", "// comment",
    "\\u{41} \\ x", "<script>alert(1)</script>", "'; DROP TABLE--", "{{7*7}}", "%s %n", "`raw`", "~",
    "--- ...", "/Type /Catalog endobj",
)  # fmt: skip


def test_the_letters_of_ghana_are_printed_as_letters() -> None:
    assert {ord(char) for char in LETTERS} <= printable()
    shown = read_pdf(page("Names", *LETTERS, *MARKED)).text

    for letter in (*LETTERS, *MARKED):
        assert f"• {letter}" in shown


@pytest.mark.django_db
def test_names_in_ewe_twi_and_hausa_come_through_whole(decide: Any, leaflet: Any, ama: Any) -> None:
    ama.full_name = "Ɔkɔmfoɔ Agyeiwaa Ŋmɛnɔvi Ɖzifa Ɗanladi Ƙwarrarriya Aʋeyibɔ́"
    ama.save()

    assert f"Advice by {ama.full_name}, pharmacist" in leaflet(decide()).text


def test_a_character_without_a_glyph_never_reaches_the_paper() -> None:
    with pytest.raises(typst.TypstError):
        pdf.build("leaflet", {"title": "漢"}, made=datetime(2026, 1, 31, tzinfo=UTC))

    printer = Printer()
    assert printer.text("Dr 漢 Mensah") == f"Dr {UNKNOWN} Mensah"
    assert printer.lost


@pytest.mark.django_db
def test_a_lost_letter_is_owned_up_to(decide: Any, leaflet: Any) -> None:
    patient = {**ringworm()["patient"], "initials": "漢B"}

    text = leaflet(decide(ringworm(patient=patient))).text

    assert "For ?B" in text
    assert "stand for a letter that this page could not print" in text


@pytest.mark.parametrize(
    ("given", "printed"),
    [
        ("Ama \N{GRINNING FACE}", "Ama"),
        ("A\u202eBC\u202c", "ABC"),
        ("a\x00b\tc\nd\u2028e", "a b c d e"),
        ("ｱma ①", f"{UNKNOWN}ma 1"),
        ("5 \N{SQUARE MG}", "5 mg"),
        ("e\u0301", "é"),
        ("Z" + "\u0300" * 40, "Z" + "\u0300" * 3),
        ("\ufeff\u200bzero", "zero"),
    ],
)
def test_what_cannot_be_printed_is_made_printable(given: str, printed: str) -> None:
    assert Printer().text(given) == printed


@pytest.mark.parametrize("text", NAUGHTY)
def test_markup_in_a_name_is_a_strange_name_and_nothing_else(text: str) -> None:
    assert f"Advice by {' '.join(text.split())}, pharmacist" in read_pdf(page(text)).text


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.text(min_size=1, max_size=200), min_size=1, max_size=6))
def test_any_text_at_all_makes_a_document(texts: list[str]) -> None:
    shown = read_pdf(page(*texts))

    assert shown.pages
    assert "\ufffd" not in shown.text


@pytest.mark.parametrize("word", ["n" * 300, "ɖ́" * 200, "a-b" * 90])
def test_a_word_without_end_stays_on_the_paper(word: str) -> None:
    document = pypdfium2.PdfDocument(page(word))

    for sheet in document:
        width, _ = sheet.get_size()
        text = sheet.get_textpage()
        boxes = [text.get_charbox(index) for index in range(text.count_chars())]
        assert max(right for _, _, right, _ in boxes) < width - 30


def test_it_is_a4_tagged_titled_and_in_english() -> None:
    content = page("Osu Pharmacy")
    document = pypdfium2.PdfDocument(content)

    assert [round(side) for side in document[0].get_size()] == [595, 842]
    assert document.is_tagged()
    assert b"pdfuaid:part" in content
    said = document.get_metadata_dict()
    assert (said["Title"], said["Author"]) == ("Your skin advice", "Osu Pharmacy")
    assert said["CreationDate"] == said["ModDate"] == "D:20260131091200Z"
    language = ctypes.create_string_buffer(32)
    pypdfium2.raw.FPDFCatalog_GetLanguage(
        document, ctypes.cast(language, ctypes.POINTER(ctypes.c_ushort)), 32
    )
    assert language.raw.decode("utf-16-le").rstrip("\0") == "en-GH"


@pytest.mark.django_db
def test_the_same_decision_gives_the_same_bytes_tomorrow(decide: Any, leaflet: Any, letter: Any) -> None:
    case = decide(action="refer")
    today = leaflet(case).content, letter(case).content

    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=5), tick=True):
        assert (leaflet(case).content, letter(case).content) == today


def test_the_code_on_the_letter_is_black_on_white_and_quiet_around() -> None:
    from dermatech.core.qr import svg

    drawn = svg("urn:uuid:0199e2b4-6c1f-7d3a-9c55-0a3b1f6e2d10")

    assert 'fill="#fff"' in drawn
    assert "M0 0" not in drawn  # the margin that readers need
    assert svg("a") != svg("b")


def test_the_licence_lies_beside_the_fonts() -> None:
    from consultations.documents.coverage import FONTS

    assert "SIL OPEN FONT LICENSE" in (FONTS / "OFL.txt").read_text()
    assert all(font.stat().st_size < 1_000_000 for font in FONTS.glob("*.ttf"))
