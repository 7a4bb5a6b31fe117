"""Figures as blocks of the page: a chart, the table behind it, and the same as CSV."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final

from django.utils.safestring import SafeString

from accounts.audit.vocabulary import Outcome
from consultations.dashboard import charts
from consultations.dashboard.figures import CaseFigures, Row
from consultations.dashboard.statistics import Share
from consultations.models import TriageLevel

# Below this many cases a share is not shown: it would say more about chance than about people.
LEAST: Final = 20
_MOST_CONDITIONS = 6
_SERIES = ("a", "b", "c", "d", "e", "f")
_TONES = {
    "very_light": "Very light", "light": "Light", "intermediate": "Intermediate", "tan": "Tan",
    "brown": "Brown", "dark": "Dark",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Block:
    """One part of the front page. `empty` is said where there is nothing to count, and what to do."""

    key: str
    title: str
    about: str
    head: Sequence[str]
    rows: Sequence[Sequence[Any]]
    empty: str
    chart: SafeString | str = ""
    note: str = ""
    wide: bool = False
    more: tuple[str, str] | None = field(default=None)  # address and words of where to go on


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What the figures' codes are called, and which medicines are antibiotics."""

    conditions: Mapping[str, str]
    antibiotics: frozenset[str]

    def name(self, code: str) -> str:
        return self.conditions.get(code, code.replace("-", " ").capitalize())


def case_blocks(figures: CaseFigures, known: Knowledge) -> list[Block]:
    """Everything about consultations, in the order of the page."""
    return [make(figures, known) for make in _MAKERS]


def by_level(figures: CaseFigures, known: Knowledge) -> Block:
    days = _days(figures)
    counted: dict[str, Counter[str]] = defaultdict(Counter)
    for row in figures.cases:
        counted[row[0]][row[1]] += row[3]
    rows = [[day, *(counted[day][level] for level in TriageLevel.values)] for day in days]
    series = [
        charts.Series(label, value.replace("_", "-"), [counted[day][value] for day in days])
        for value, label in TriageLevel.choices
    ]
    return Block(
        key="cases",
        title="Consultations by day and level",
        about="How many people came, and how urgent the rules held it to be.",
        head=["Day", *TriageLevel.labels],
        rows=rows if figures.cases else [],
        empty="No consultation in these days. Phones send them; choose a longer span above.",
        chart=charts.stacked("Consultations by day and triage level", [_day(day) for day in days], series),
        wide=True,
    )


def by_week(figures: CaseFigures, known: Knowledge) -> Block:
    counted: dict[str, Counter[str]] = defaultdict(Counter)
    totals: Counter[str] = Counter()
    for day, _, diagnosis, n, *_rest in figures.cases:
        counted[_monday(day)][diagnosis] += n
        totals[diagnosis] += n
    weeks = list(dict.fromkeys(_monday(day) for day in _days(figures)))
    named = [code for code, _ in totals.most_common() if code]
    shown = named[:_MOST_CONDITIONS]
    series = [
        charts.Series(known.name(code), f"series-{tone}", [counted[week][code] for week in weeks])
        for code, tone in zip(shown, _SERIES, strict=False)
    ]
    others = [sum(n for code, n in counted[week].items() if code and code not in shown) for week in weeks]
    if any(others):
        series.append(charts.Series("Others", "series-rest", others))
    rows = [
        [week, known.name(code), counted[week][code]]
        for week in weeks
        for code in named
        if counted[week][code]
    ]
    return Block(
        key="conditions",
        title="Conditions by week",
        about="By the pharmacist's working diagnosis; cases without one are left out.",
        head=["Week of", "Condition", "Consultations"],
        rows=rows,
        empty="No working diagnosis was recorded in these days.",
        chart=charts.stacked("Consultations by week and condition", [_day(week) for week in weeks], series),
        wide=True,
    )


def rates(figures: CaseFigures, known: Knowledge) -> Block:
    def total(at: int) -> int:
        return sum(row[at] for row in figures.cases)

    rows = [
        ("Abstained", Share(total(4), total(5))),
        ("Against the advice", Share(total(7), total(6))),
    ]
    return Block(
        key="rates",
        title="Abstentions and overrides",
        about="How often no ranking was claimed, of all consultations; and how often a decision went against "
        "the advice, of all decisions. Lines are 95 % intervals.",
        head=_SHARE_HEAD,
        rows=_share_rows(rows),
        empty="Nothing was assessed or decided in these days.",
        chart=charts.shares("Abstention and override rates", rows),
        note="Follow up overrides in the review queue: they come first in its order by risk.",
    )


def agreement(figures: CaseFigures, known: Knowledge) -> Block:
    ranking = Share(sum(row[8] for row in figures.cases), sum(row[9] for row in figures.cases))
    image = Share(sum(row[2] for row in figures.image), sum(row[1] for row in figures.image))
    rows = [("Differential", ranking), ("Image model", image)]
    return Block(
        key="agreement",
        title="Agreement with the pharmacist's diagnosis",
        about="How often the condition ranked first, and the one that the photo spoke for, is the working "
        "diagnosis. Abstentions and cases without a diagnosis are left out.",
        head=_SHARE_HEAD,
        rows=_share_rows(rows),
        empty="No case in these days has both a ranking and a diagnosis.",
        chart=charts.shares("Agreement with the working diagnosis", rows, least=LEAST),
        note=f"Not drawn below {LEAST} cases. It is no proof of being right: the pharmacist saw the ranking.",
    )


def by_tone(figures: CaseFigures, known: Knowledge) -> Block:
    image = {row[0]: Share(row[2], row[1]) for row in figures.image}
    order = {name: at for at, name in enumerate(_TONES)}
    found = sorted(figures.tones, key=lambda row: order.get(row[0], len(order)))
    rows: list[Sequence[Any]] = []
    drawn: list[tuple[str, Share]] = []
    for group, n, comparable, agreeing, abstained in found:
        name = _TONES.get(group, str(group or "Not judged").replace("_", " ").capitalize())
        share, seen = Share(agreeing, comparable), image.get(group, Share(0, 0))
        drawn.append((f"{name} ({comparable})", share))
        rows.append(
            [
                name,
                n,
                comparable,
                *_share_cells(share),
                seen.n,
                *_share_cells(seen),
                *_share_cells(Share(abstained, n))[:1],
            ]
        )
    return Block(
        key="skin-tones",
        title="Agreement by skin tone",
        about="The same by the skin tone that was measured on the photos (individual typology angle). "
        "Groups whose intervals do not meet deserve a look.",
        head=[
            "Skin tone", "Consultations", "Compared", "Differential agrees", "95 % interval",
            "Image compared",
            "Image agrees", "95 % interval of the image", "Abstained",
        ],
        rows=rows,
        empty="No photo of these days was judged yet.",
        chart=charts.shares("Agreement of the differential by skin tone", drawn, least=LEAST, wide=True),
        note=f"Shares are not shown below {LEAST} cases.",
        wide=True,
    )  # fmt: skip


def antibiotics(figures: CaseFigures, known: Knowledge) -> Block:
    supplied: Counter[str] = Counter()
    with_one: Counter[str] = Counter()
    for diagnosis, medicines, action, _, n, _ in figures.acts:
        if action != "supply":
            continue
        supplied[diagnosis] += n
        if known.antibiotics.intersection(json.loads(medicines or "[]")):
            with_one[diagnosis] += n
    total = Share(sum(with_one.values()), sum(supplied.values()))
    leading = [code for code, _ in with_one.most_common(5)]
    drawn = [("All supplies", total)]
    drawn += [
        (known.name(code) if code else "No diagnosis", Share(with_one[code], supplied[code]))
        for code in leading
    ]
    table = [("All supplies", total)]
    table += [
        (known.name(code) if code else "No diagnosis", Share(with_one[code], n))
        for code, n in supplied.most_common()
    ]
    return Block(
        key="antibiotics",
        title="Antibiotics",
        about="The share of supplies with at least one medicine against bacteria (by ATC; creams count).",
        head=_SHARE_HEAD,
        rows=_share_rows(table) if total.n else [],
        empty="No medicine was supplied in these days.",
        chart=charts.shares("Share of supplies with an antibiotic", drawn, least=LEAST),
        note=f"Not drawn below {LEAST} supplies.",
    )


def notifiable(figures: CaseFigures, known: Knowledge) -> Block:
    counted: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for *_, notify, n, left in figures.acts:
        if notify:
            counted[notify][0] += n
            counted[notify][1] += left
    rows = sorted(((what, n, left) for what, (n, left) in counted.items()), key=lambda row: -row[1])
    return Block(
        key="notifiable",
        title="Notifiable suspicions",
        about="What a rule wants to be passed on to the authorities.",
        head=["What, and to whom", "Consultations", "Not passed on yet"],
        rows=rows,
        empty="No suspicion in these days. Nothing to pass on.",
        chart=charts.bars("Notifiable suspicions", [(row[0], row[1]) for row in rows], tone="refer-urgent"),
    )


def audit_block(counted: Sequence[Row], *, days: int) -> Block:
    """The log itself: what was done and what was refused."""
    first = date.fromisoformat(min((row[0] for row in counted), default="2000-01-01"))
    shown = [(first + timedelta(days=at)).isoformat() for at in range(days)]
    by_day: dict[str, Counter[str]] = defaultdict(Counter)
    for day, outcome, n in counted:
        by_day[day][outcome] += n
    shown = [day for day in shown if day <= max(by_day, default="")]
    tones = {Outcome.SUCCESS: "one", Outcome.DENIED: "refer-urgent", Outcome.FAILED: "emergency"}
    series = [
        charts.Series(outcome.label, tones[outcome], [by_day[day][outcome.value] for day in shown])
        for outcome in Outcome
    ]
    return Block(
        key="audit",
        title="Events in the audit log",
        about=f"What was recorded in the last {days} days. Refusals are worth a look.",
        head=["Day", *(outcome.label for outcome in Outcome)],
        rows=[[day, *(by_day[day][outcome.value] for outcome in Outcome)] for day in shown],
        empty="Nothing was recorded in these days.",
        chart=charts.stacked("Events by day and outcome", [_day(day) for day in shown], series),
        wide=True,
    )


_SHARE_HEAD: Final = ("", "Cases", "Of", "Share", "95 % interval")
_MAKERS: Final[tuple[Callable[[CaseFigures, Knowledge], Block], ...]] = (
    by_level, by_week, rates, agreement, by_tone, antibiotics, notifiable,
)  # fmt: skip


def _share_rows(rows: Sequence[tuple[str, Share]]) -> list[list[Any]]:
    if not any(share.n for _, share in rows):
        return []
    return [[name, share.hits, share.n, *_share_cells(share, least=1)] for name, share in rows]


def _share_cells(share: Share, *, least: int = LEAST) -> list[str]:
    """Share and interval as words; a dash where there are too few."""
    if share.value is None or share.interval is None or share.n < least:
        return ["\N{EN DASH}", "\N{EN DASH}"]
    low, high = share.interval
    return [f"{share.value:.0%}", f"{low:.0%} to {high:.0%}"]


def _days(figures: CaseFigures) -> list[str]:
    first = date.fromisoformat(figures.first)
    return [(first + timedelta(days=at)).isoformat() for at in range(figures.days)]


def _monday(day: str) -> str:
    at = date.fromisoformat(day)
    return (at - timedelta(days=at.weekday())).isoformat()


def _day(day: str) -> str:
    at = date.fromisoformat(day)
    return f"{at.day} {at:%b}"
