"""Blur, light, shine, distance and skin tone, on generated skin of every tone."""

import pytest
from PIL import Image, ImageDraw, ImageFilter

from consultations.imaging import make_safe
from consultations.imaging.quality import Quality, judge
from consultations.imaging.skin import group_of, ita_degrees

from .pictures import pack, skin

# sRGB of skin in neutral light, in the middle of each band (ITA 63, 48, 34, 19, -10, -48 degrees).
TONES = {
    "very_light": (218, 185, 166),
    "light": (193, 158, 137),
    "intermediate": (181, 143, 120),
    "tan": (167, 127, 103),
    "brown": (140, 103, 81),
    "dark": (106, 77, 63),
}


def judged(picture: Image.Image) -> Quality:
    return judge(pack(picture, "JPEG", quality=92))


def codes(quality: Quality) -> list[str]:
    return [problem.code for problem in quality.problems]


@pytest.mark.parametrize("tone", TONES)
def test_a_sharp_well_lit_photo_of_any_skin_is_usable(tone: str) -> None:
    quality = judged(skin(colour=TONES[tone]))
    assert quality.usable
    assert codes(quality) == []
    assert quality.skin_fraction > 0.6


@pytest.mark.parametrize("tone", TONES)
def test_skin_tone_falls_into_its_band(tone: str) -> None:
    found = judged(skin(colour=TONES[tone])).skin_tone
    assert found is not None
    assert found.group == tone


@pytest.mark.parametrize("tone", TONES)
@pytest.mark.parametrize("paper", ["white", "black", (40, 90, 160), (60, 140, 70)])
def test_what_lies_beside_the_skin_does_not_change_its_tone(tone: str, paper: object) -> None:
    picture = skin(colour=TONES[tone]).copy()
    picture.paste(paper, (0, 0, 260, 480))  # type: ignore[arg-type]
    found = judged(picture).skin_tone
    assert found is not None
    assert found.group == tone


def test_a_blurred_photo_says_so_and_how_to_do_better() -> None:
    blurred = judged(skin().filter(ImageFilter.GaussianBlur(4)))
    assert "blurred" in codes(blurred)
    assert not blurred.usable
    assert "focus" in blurred.problems[0].advice
    assert blurred.sharpness < judged(skin()).sharpness


def test_the_more_blur_the_less_sharpness() -> None:
    found = [judged(skin().filter(ImageFilter.GaussianBlur(radius))).sharpness for radius in (0, 1, 2, 3, 5)]
    assert found == sorted(found, reverse=True)


def test_a_dark_photo_says_so_and_claims_no_skin_tone() -> None:
    dark = judged(skin(light=0.2))
    assert codes(dark) == ["too_dark"]
    assert dark.skin_tone is None
    assert dark.exposure < judged(skin()).exposure


def test_dark_skin_in_good_light_is_not_called_too_dark_nor_blurred() -> None:
    assert codes(judged(skin(colour=(84, 56, 44)))) == []


def test_a_dim_but_sharp_photo_is_not_called_blurred() -> None:
    assert "blurred" not in codes(judged(skin(light=0.5, noise=2)))


def test_a_bleached_photo_says_so() -> None:
    bleached = judged(skin().point(lambda value: min(255, value * 3)))
    assert codes(bleached)[0] == "too_bright"
    assert not bleached.usable


def shiny(colour: tuple[int, int, int]) -> Image.Image:
    picture = skin(colour=colour).copy()
    draw = ImageDraw.Draw(picture)
    for x in range(60, 600, 90):
        draw.ellipse((x, 60, x + 40, 100), fill=(254, 253, 252))
    return picture


def test_shine_on_the_skin_is_a_warning_but_not_a_refusal() -> None:
    quality = judged(shiny(TONES["brown"]))
    assert codes(quality) == ["glare"]
    assert quality.usable


def test_white_paper_beside_the_skin_is_no_glare() -> None:
    picture = skin().copy()
    picture.paste("white", (0, 0, 120, 480))
    assert judged(picture).glare == 0


def test_little_skin_is_too_far_and_none_is_no_skin() -> None:
    far = Image.new("RGB", (640, 480), (70, 100, 140))
    far.paste(skin(240, 180), (200, 150))
    assert "too_far" in codes(judged(far))
    table = judged(skin(colour=(70, 100, 140)))
    assert "no_skin" in codes(table)
    assert table.skin_tone is None


def test_blue_light_gives_no_tone_rather_than_a_wrong_one() -> None:
    assert judged(skin(colour=(150, 110, 118))).skin_tone is None


@pytest.mark.parametrize(
    ("ita", "group"),
    [(55.1, "very_light"), (55, "light"), (41.1, "light"), (41, "intermediate"), (28.1, "intermediate"),
     (28, "tan"), (10.1, "tan"), (10, "brown"), (-29.9, "brown"), (-30, "dark"), (-80, "dark")],
)  # fmt: skip
def test_the_bands_are_chardons(ita: float, group: str) -> None:
    assert group_of(ita) == group


def test_ita_is_the_angle_of_lightness_over_yellowness() -> None:
    assert ita_degrees(70, 20) == pytest.approx(45)
    assert ita_degrees(50, 15) == 0
    assert ita_degrees(30, 20) == pytest.approx(-45)


def test_the_answer_has_the_contracts_shape() -> None:
    found = judged(skin().filter(ImageFilter.GaussianBlur(4))).as_dict()
    assert set(found["problems"][0]) == {"code", "advice"}
    assert set(found["skin_tone"]) == {"ita_degrees", "group"}
    assert {"usable", "problems", "sharpness", "exposure", "skin_fraction", "skin_tone"} <= set(found)


def test_a_large_stored_photo_is_judged_by_its_small_copy() -> None:
    import io

    photo = make_safe(io.BytesIO(pack(skin(2400, 1800), "JPEG", quality=85)))
    assert judge(photo.content).skin_fraction > 0.6


def test_what_is_no_picture_is_an_error_the_caller_can_name() -> None:
    with pytest.raises(OSError, match="cannot identify"):
        judge(b"not a picture")
