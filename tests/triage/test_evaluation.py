"""How good the differential is: what the evaluation reads, how it judges, and what its report promises."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from tests.triage import scin_tables
from triage.engine import Findings, Knowledge, differential
from triage.evaluation import measures, plots
from triage.evaluation.rankers import fit, rankers
from triage.evaluation.scin import Case, NoSuchData, folder_of, read_cases
from triage.evaluation.table import folds_of, table_of
from triage.evaluation.vignettes import judge_vignettes
from triage.starter import read

pytestmark = pytest.mark.one_database

FULL = {"textures_flat": "YES", "body_parts_arm": "YES", "condition_symptoms_itching": "YES"}


def cases_of(folder: Path, knowledge: Knowledge) -> tuple[Case, ...]:
    return read_cases(folder, read("scin_mapping"), knowledge.profiles).cases


def one(tmp_path: Path, knowledge: Knowledge, label: Any = None, tone: str = "", **said: str) -> Case:
    rows = [scin_tables.case(1, **{**FULL, **said})]
    folder = scin_tables.write(tmp_path, rows, [scin_tables.label(1, label or {"Eczema": 1.0}, tone)])
    (case,) = cases_of(folder, knowledge)
    return case


# --- Reading --------------------------------------------------------------------------------------
def test_a_box_left_blank_in_an_answered_group_is_a_no_and_a_blank_group_says_nothing(
    tmp_path: Path, knowledge: Knowledge
) -> None:
    case = one(tmp_path, knowledge)
    assert case.findings.present == {"on_arms", "itchy"}
    assert {"raised_bumps", "scaly", "blisters", "on_scalp", "painful"} <= case.findings.absent
    assert not {"fever", "over_6_weeks"} & (case.findings.present | case.findings.absent)


def test_how_long_it_lasts_answers_both_questions_about_time(tmp_path: Path, knowledge: Knowledge) -> None:
    case = one(tmp_path, knowledge, condition_duration="ONE_TO_FOUR_WEEKS")
    assert {"under_1_week", "over_6_weeks"} <= case.findings.absent


def test_any_condition_of_the_top_label_is_right_and_none_of_the_lesser_ones(
    tmp_path: Path, knowledge: Knowledge
) -> None:
    case = one(tmp_path, knowledge, {"Acute dermatitis": 0.5, "Eczema": 0.5, "Scabies": 0.2})
    assert case.accepted == {"atopic-eczema", "contact-dermatitis-allergic", "contact-dermatitis-irritant"}


def test_cases_without_a_known_label_or_with_an_unanswered_group_are_left_out_and_counted(
    tmp_path: Path, knowledge: Knowledge
) -> None:
    rows = [scin_tables.case(n, **FULL) for n in (1, 2)] + [scin_tables.case(3, textures_flat="YES")]
    names: list[dict[str, float]] = [{"Eczema": 1.0}, {"Purple spots of Mars": 1.0}, {"Eczema": 1.0}]
    labels = [scin_tables.label(n, name) for n, name in zip((1, 2, 3), names, strict=True)]
    folder = scin_tables.write(tmp_path, rows, [*labels, scin_tables.label(9, {"Eczema": 1.0})])
    reading = read_cases(folder, read("scin_mapping"), knowledge.profiles)
    assert [case.id for case in reading.cases] == ["1"]
    assert (reading.labelled, reading.mapped, reading.answered) == (3, 2, 2)


@pytest.mark.parametrize(
    ("own", "seen", "black", "expected"),
    [
        ("FST2", "FST5", "", ("I-II", True)),
        ("NONE_IDENTIFIED", "FST4", "", ("III-IV", False)),
        ("", "", "YES", ("unknown", True)),
        ("FST6", "", "", ("V-VI", True)),
    ],
)
def test_skin_tone_is_what_the_person_says_first(
    tmp_path: Path, knowledge: Knowledge, own: str, seen: str, black: str, expected: tuple[str, bool]
) -> None:
    said = {"fitzpatrick_skin_type": own, "race_ethnicity_black_or_african_american": black}
    case = one(tmp_path, knowledge, tone=seen, **said)
    assert (case.tone, case.darker) == expected


def test_cases_that_share_a_picture_stay_in_one_fold(tmp_path: Path, knowledge: Knowledge) -> None:
    rows = [scin_tables.case(n, **FULL) for n in range(12)]
    rows[7]["image_2_path"] = rows[3]["image_1_path"]
    rows[9]["image_3_path"] = rows[7]["image_1_path"]
    folder = scin_tables.write(tmp_path, rows, [scin_tables.label(n, {"Eczema": 1.0}) for n in range(12)])
    cases = cases_of(folder, knowledge)
    folds = folds_of(table_of(cases, knowledge), 5, seed=1)
    assert len({cases[n].kin for n in (3, 7, 9)}) == 1
    assert len(set(folds[[3, 7, 9]])) == 1
    assert set(folds) == set(range(5))


def test_a_folder_without_the_tables_is_named(tmp_path: Path) -> None:
    with pytest.raises(NoSuchData, match=r"scin_cases\.csv"):
        folder_of(tmp_path)
    scin_tables.crowd(tmp_path / "data" / "scin", 3)
    assert folder_of(tmp_path) == tmp_path / "data" / "scin"


def test_a_label_that_is_no_dictionary_is_refused_by_its_case(tmp_path: Path, knowledge: Knowledge) -> None:
    with pytest.raises(NoSuchData, match="case 1"):
        one(tmp_path, knowledge, "__import__('os').getcwd()")


# --- Judging --------------------------------------------------------------------------------------
def test_arrays_and_engine_give_the_same_probabilities(tmp_path: Path, knowledge: Knowledge) -> None:
    """Settings are chosen by arrays; what they claim must be what the product would say."""
    table = table_of(cases_of(scin_tables.crowd(tmp_path, 24), knowledge), knowledge)
    folds = folds_of(table, 2, seed=1)
    rows = folds == 0
    for ranker in rankers(0.95):
        if ranker.engine:
            ready = fit(replace(ranker, settings=ranker.settings[-1:]), table, ~rows, seed=1)
            assert ready.by_engine(table, rows) == pytest.approx(ready.probabilities(table, rows))


def test_tempered_answers_move_less(knowledge: Knowledge) -> None:
    calm = replace(knowledge, scoring=replace(knowledge.scoring, temper=0.5))
    findings, facts = Findings(frozenset({"ring_shaped", "scaly_edge"})), {"age_months": 108}

    def odds(known: Knowledge) -> float:
        found = differential(findings, facts, None, known).probabilities
        return float(np.log(found["tinea-corporis"] / found["_other"]))

    silent = differential(Findings(), facts, None, knowledge).probabilities
    prior = float(np.log(silent["tinea-corporis"] / silent["_other"]))
    assert odds(calm) - prior == pytest.approx((odds(knowledge) - prior) / 2)


def test_the_figures_of_a_ranking_by_hand() -> None:
    probabilities = np.array([[0.7, 0.2, 0.1], [0.2, 0.5, 0.3], [0.1, 0.3, 0.6]])
    accepted = np.array([[True, False, False], [True, False, False], [False, True, True]])
    found = measures.scored(probabilities, accepted)
    assert found.each[:, 0].tolist() == [1, 0, 1]
    assert found.each[:, 1].tolist() == [1, 1, 1]
    assert found.each[:, 3] == pytest.approx(-np.log([0.7, 0.2, 0.9]))
    assert measures.abstention(found)[-1] == (0.2, 1.0, 1.0)  # the surest of the three
    assert measures.calibration_error(found) == pytest.approx((0.3 + 0.5 + 0.4) / 3)


def test_an_interval_holds_its_estimate_and_grows_with_kinship() -> None:
    values = np.random.default_rng(1).normal(size=(200, 1))
    alone = measures.resampled(values, np.arange(200), draws=400, seed=1)[0]
    kin = measures.resampled(values, np.arange(200) // 20, draws=400, seed=1)[0]
    assert alone.low < alone.value < alone.high
    assert kin.value == alone.value
    again = measures.resampled(values, np.arange(200), draws=400, seed=1)[0]
    assert again == alone


def test_the_vignettes_keep_what_is_promised(snapshot: dict[str, Any], knowledge: Knowledge) -> None:
    found = judge_vignettes(snapshot["vignettes"], knowledge)
    assert all(kept for _, kept in found.bars)
    assert (found.cases, found.answerable, found.should_abstain) == (70, 55, 15)
    assert all(known for _, _, known in found.disagreements)


def test_a_vignette_that_is_missed_breaks_the_promise(snapshot: dict[str, Any], knowledge: Knowledge) -> None:
    rows = [dict(row) for row in snapshot["vignettes"] if row["kind"] == "differential"]
    ring = next(row for row in rows if row["id"] == "d01")
    ring |= {"must_not_miss": ["leprosy"], "expected_abstain": True}
    found = judge_vignettes(rows, knowledge)
    assert found.missed == ("d01: leprosy",)
    assert found.answered_instead == ("d01",)
    assert [kept for _, kept in found.bars] == [True, True, False, False]


# --- The command ----------------------------------------------------------------------------------
def evaluate(*arguments: str, **options: Any) -> None:
    call_command("evaluate_differential", *arguments, **options)


QUICK = ("--folds", "2", "--repeats", "1", "--draws", "50")


def test_the_command_writes_report_figures_and_plots(
    db: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    out = tmp_path / "out"
    evaluate("--data", str(scin_tables.crowd(tmp_path / "scin")), "--out", str(out), *QUICK)
    text = (out / "report.md").read_text()
    for name in (plots.RELIABILITY, plots.ABSTENTION, plots.GROUPS):
        assert (out / name).read_bytes().startswith(b"\x89PNG")
        assert name in text
    assert "Naive Bayes, fitted, over SCIN frequency alone" in text
    assert "Fitzpatrick V-VI | 20 |" in text
    figures = json.loads((out / "figures.json").read_text())
    assert figures["vignettes"]["top1"] >= 0.8
    # Ticks that tell something beat the frequency alone.
    assert figures["scin"]["corrected"]["log loss"] < figures["scin"]["frequency"]["log loss"]
    assert "Vignettes: top-1 at least 0.80 (it is 0.982)" in capsys.readouterr().out


def test_without_data_the_vignettes_alone_are_judged(db: None, tmp_path: Path) -> None:
    evaluate("--out", str(tmp_path), check=True)
    assert "Real cases" not in (tmp_path / "report.md").read_text()


def test_without_matplotlib_the_command_says_what_to_do(
    db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plots, "find_spec", lambda name: None)
    with pytest.raises(CommandError, match="install it"):
        evaluate("--data", str(tmp_path), "--out", str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--folds", "1"), "2 folds"),
        (("--mapping", "/nowhere.json"), "cannot be read"),
        (("--folds", "50"), "50 folds need 250"),
    ],
)
def test_what_cannot_be_evaluated_is_refused_in_words(
    db: None, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    data = scin_tables.crowd(tmp_path / "scin", 12)
    with pytest.raises(CommandError, match=message):
        evaluate("--data", str(data), "--out", str(tmp_path / "out"), "--no-plots", *arguments)
