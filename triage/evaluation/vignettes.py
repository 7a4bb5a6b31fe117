"""The published vignettes of the differential, judged by the engine as it is published."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from triage.checks import judge_differential
from triage.engine import Band, Differential, Findings, Knowledge, differential

TOP1_BAR, TOP3_BAR = 0.80, 0.95


@dataclass(frozen=True, slots=True)
class Vignettes:
    """Counts over the vignettes. `answerable` have an expected first condition. `disagreements`: what
    each vignette says otherwise, with the reason where it is a shortfall that was written down."""

    cases: int
    answerable: int
    top1: int
    top3: int
    must_not_miss: int
    missed: tuple[str, ...]
    should_abstain: int
    answered_instead: tuple[str, ...]
    abstained_instead: tuple[str, ...]
    disagreements: tuple[tuple[str, str, str], ...]

    @property
    def shares(self) -> tuple[float, float]:
        """top-1 and top-3 among the answerable."""
        return self.top1 / max(1, self.answerable), self.top3 / max(1, self.answerable)

    @property
    def bars(self) -> tuple[tuple[str, bool], ...]:
        """What is promised, and whether it is kept."""
        top1, top3 = self.shares
        return (
            (f"Vignettes: top-1 at least {TOP1_BAR:.2f} (it is {top1:.3f})", top1 >= TOP1_BAR),
            (f"Vignettes: top-3 at least {TOP3_BAR:.2f} (it is {top3:.3f})", top3 >= TOP3_BAR),
            (
                f"Vignettes: every must-not-miss is listed ({len(self.missed)} of {self.must_not_miss} not)",
                not self.missed,
            ),
            (
                (
                    f"Vignettes: abstains where they say so ({len(self.answered_instead)} of "
                    f"{self.should_abstain} answered instead)"
                ),
                not self.answered_instead,
            ),
        )


def judge_vignettes(rows: Iterable[Mapping[str, Any]], knowledge: Knowledge) -> Vignettes:
    """Judge the rows of kind `differential` of a snapshot."""
    mine = [row for row in rows if row["kind"] == "differential"]
    found = {row["id"]: _answer(row, knowledge) for row in mine}
    answerable = [row for row in mine if row["expected_first"]]
    first = [_place(row["expected_first"], found[row["id"]]) for row in answerable]
    return Vignettes(
        cases=len(mine),
        answerable=len(answerable),
        top1=sum(place < 1 for place in first),
        top3=sum(place < 3 for place in first),
        must_not_miss=sum(len(row["must_not_miss"]) for row in mine),
        missed=tuple(f"{row['id']}: {id_}" for row in mine for id_ in _missed(row, found[row["id"]])),
        should_abstain=sum(row["expected_abstain"] is True for row in mine),
        answered_instead=_against(mine, found, wanted=True),
        abstained_instead=_against(mine, found, wanted=False),
        disagreements=tuple(
            (row["id"], " ".join(said), row["known_shortfall"])
            for row in mine
            if (said := judge_differential(row, row["facts"], knowledge))
        ),
    )


def _answer(row: Mapping[str, Any], knowledge: Knowledge) -> Differential:
    findings = Findings(frozenset(row["findings_present"]), frozenset(row["findings_absent"]))
    return differential(findings, row["facts"], None, knowledge, explained=False)


def _place(condition: str, found: Differential) -> int:
    return [each.condition for each in found.ranked].index(condition)


def _missed(row: Mapping[str, Any], found: Differential) -> list[str]:
    bands = {each.condition: each.band for each in found.ranked}
    return [id_ for id_ in row["must_not_miss"] if bands.get(id_, Band.UNLIKELY) is Band.UNLIKELY]


def _against(
    rows: Iterable[Mapping[str, Any]], found: Mapping[str, Differential], *, wanted: bool
) -> tuple[str, ...]:
    return tuple(
        row["id"]
        for row in rows
        if row["expected_abstain"] is wanted and found[row["id"]].abstained is not wanted
    )
