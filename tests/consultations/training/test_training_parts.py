"""The parts of training that need no PyTorch: figures, folds, the data's traps."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from consultations.inference.manifest import Fit, ImageInput, Layout
from consultations.inference.preprocess import picture_tensor
from consultations.training import data, figures, inputs, views

pytestmark = pytest.mark.one_database

HEAD = (
    "file,kind,img_id,patient_id,lesion_id,diagnostic,age,gender,fitspatrick,region,"
    "itch,grew,changed,bleed,elevation"
)


def test_what_the_source_does_not_know_stays_unknown(tmp_path: Path) -> None:
    rows = [
        "photos/BCC/a.jpg,photos,a.png,PAT_1,1,BCC,70,,2.0,NOSE,True,UNK,UNK,True,False",
        "masked/NEV/b.jpg,masked,b.png,PAT_2,2,NEV,20,,,BACK,False,True,False,,UNK",
    ]
    (tmp_path / "images.csv").write_text("\n".join([HEAD, *rows]) + "\n")

    first, second = data.read(tmp_path)

    assert first.facts == {
        "age_months": 840,
        "body_sites": ["nose"],
        "lesion_itches": True,
        "lesion_bleeds": True,
        "lesion_raised": False,
    }
    assert (first.raw, first.fitzpatrick, first.suspicious) == (True, 2, True)
    assert "lesion_bleeds" not in second.facts
    assert (second.raw, second.fitzpatrick, second.suspicious) == (False, None, False)


def test_an_unknown_answer_is_the_average_and_sites_of_one_part_count_once() -> None:
    known = [
        {"age_months": 240, "lesion_itches": True, **dict.fromkeys(inputs.FLAGS[1:], False)},
        {"age_months": 720, "lesion_itches": False, **dict.fromkeys(inputs.FLAGS[1:], True)},
    ]
    facts = inputs.described(known)

    unknown = dict(zip(inputs.COLUMNS, inputs.unknown(facts), strict=True))
    assert unknown["age"] == 0
    assert unknown["lesion_itches"] == pytest.approx(0.5)
    assert [unknown[part] for part in inputs.PARTS] == [0] * len(inputs.PARTS)

    encoded = inputs.encode([{"body_sites": ["nose", "lips", "hands"]}], facts)[0]
    row = dict(zip(inputs.COLUMNS, encoded, strict=True))
    assert (row["head"], row["arms"], row["trunk"]) == (1, 1, 0)


def test_the_figures_are_what_they_are_called() -> None:
    truth = np.array([True, True, True, False, False])
    score = np.array([0.9, 0.8, 0.3, 0.3, 0.1])

    assert figures.auc(truth, score) == pytest.approx((6 - 0.5) / 6)
    assert figures.sensitivity(truth, score, 0.3) == 1
    assert figures.specificity(truth, score, 0.3) == 0.5
    assert figures.ece(np.array([True, False]), np.array([0.5, 0.5])) == 0
    assert figures.ece(np.array([True, True]), np.array([0.7, 0.7])) == pytest.approx(0.3)
    assert figures.threshold_for(truth, score, 1.0) == pytest.approx(0.3)
    assert figures.threshold_for(truth, score, 0.6) == pytest.approx(0.8)


def test_temperature_finds_how_overconfident_scores_are() -> None:
    random = np.random.default_rng(3)
    true = random.normal(0, 1, (4000, 3))
    chance = figures.softmax(true)
    labels = np.array([random.choice(3, p=row) for row in chance])

    assert figures.temperature(true * 2.5, labels) == pytest.approx(2.5, rel=0.1)


def test_no_patient_is_on_both_sides_of_a_fold() -> None:
    random = np.random.default_rng(5)
    people = [f"P{number}" for number in random.integers(0, 90, 200)]
    labels = [str(label) for label in random.choice(["MEL", "NEV", "BCC"], 200, p=[0.1, 0.5, 0.4])]

    fold = figures.folds(people, labels, 5, seed=1)

    for person in set(people):
        assert len({int(each) for each, name in zip(fold, people, strict=True) if name == person}) == 1
    for label in ("MEL", "NEV", "BCC"):
        counts = np.bincount(fold[[each == label for each in labels]], minlength=5)
        assert counts.max() - counts.min() <= 4


def test_an_interval_is_wider_when_few_people_have_many_pictures() -> None:
    values = np.repeat([0.0, 1.0, 0.0, 1.0], 25)

    def width(people: list[str]) -> float:
        low, high = figures.interval(lambda at: float(values[at].mean()), people, rounds=200)
        return high - low

    few, many = [str(number // 25) for number in range(100)], [str(number) for number in range(100)]
    assert width(few) > 2 * width(many)


def test_views_are_the_same_each_time_and_crops_lie_on_skin() -> None:
    crop = Image.new("RGB", (60, 60))
    crop.paste((150, 80, 70), (15, 15, 45, 45))

    once, again = (views.crop_view(crop, 64, np.random.default_rng(4)) for _ in range(2))

    assert once.tobytes() == again.tobytes()
    assert np.asarray(once)[[0, 0, -1, -1], [0, -1, 0, -1]].max(axis=1).min() > 30


@pytest.mark.parametrize("size", [(450, 600), (457, 719), (719, 457)])  # where rounding goes below nothing
def test_photos_of_any_shape_can_be_cut_to_the_middle(size: tuple[int, int]) -> None:
    wanted = ImageInput("image", 224, 224, (0, 0, 0), (1, 1, 1), Layout.NCHW, Fit.CROP)
    buffer = io.BytesIO()
    Image.new("RGB", size).save(buffer, format="PNG")

    tensor, found = picture_tensor(buffer.getvalue(), wanted)

    assert tensor.shape == wanted.shape
    assert found == size
