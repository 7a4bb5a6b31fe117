"""The record of one model on its admin page: what it does in shadow, and whether its scores drift."""

from django.utils.html import format_html
from django.utils.safestring import SafeString

from consultations.dashboard.statistics import Share
from consultations.inference import record
from consultations.inference.charts import Line, Mark, lines, table
from consultations.models.modelversion import ModelVersion

NOTHING_YET = (
    "It has read no photo in shadow. Put it in shadow from the list: it then reads every photo after the "
    "answer is given, and what it says is shown here and nowhere else."
)
_HEADED = '<p style="margin-top: 1.25rem; font-weight: 600">{}</p>{}{}'


def in_shadow(version: ModelVersion) -> SafeString | str:
    """Agreement with the model in force and speed, over time and in figures."""
    seen = record.seen_by(version)
    failures = record.failures_of(version)
    if not seen:
        failed = f" It failed on {failures} photos." if failures else ""
        return NOTHING_YET + failed
    found, pace = record.agreement(seen), record.pace([each.milliseconds for each in seen])
    assert pace is not None  # noqa: S101  # there are photos  # nosec B101
    said = format_html(
        "<p>The newest {} photos, {} of them read by the model in force too; {} could not be read.</p>",
        len(seen), found.share.n, failures,
    )  # fmt: skip
    figures = table(
        ("", "Photos"),
        (
            ("Both flag", str(found.both)),
            ("Only this model flags", str(found.shadow_only)),
            ("Only the model in force flags", str(found.active_only)),
            ("Neither flags", str(found.neither)),
            ("Agree", _share(found.share)),
            ("Agree beyond chance (Cohen's kappa)", _number(found.kappa.value)),
            ("Scores are apart by (mean)", _number(found.apart)),
            ("Milliseconds a photo: median", f"{pace.median:.0f}"),
            ("Milliseconds a photo: 95 of 100 below", f"{pace.p95:.0f}"),
        ),
        folded=False,
    )
    return format_html("{}{}{}{}", said, figures, *_over_time(seen))


def _over_time(seen: list[record.Seen]) -> tuple[SafeString, SafeString]:
    blocks = record.course(seen)
    labels = [f"{block.until:%d %b}" for block in blocks]
    shares = [block.agreement or Share(0, 0) for block in blocks]
    paces = [block.pace for block in blocks]
    agreed = format_html(
        _HEADED, "Agreement on flags, each hundred photos",
        lines(
            "Agreement of the two models, in percent", labels,
            [Line("agree (%)", [None if s.value is None else 100 * s.value for s in shares])], top=100,
        ),
        table(("Until", "Agree"), [(label, _share(s)) for label, s in zip(labels, shares, strict=True)]),
    )  # fmt: skip
    medians = Line("median", [each.median if each else None for each in paces])
    slow = Line("95 of 100 below", [each.p95 if each else None for each in paces])
    rows = [
        (label, str(each.photos), f"{each.median:.0f}", f"{each.p95:.0f}")
        for label, each in zip(labels, paces, strict=True)
        if each
    ]
    speed = format_html(
        _HEADED,
        "Milliseconds a photo, each hundred photos",
        lines("Milliseconds a photo", labels, [medians, slow], top=40),
        table(("Until", "Photos", "Median", "95 of 100 below"), rows),
    )
    return agreed, speed


def score_drift(version: ModelVersion) -> SafeString | str:
    """The population stability index of its scores, each hundred photos against the first it read here."""
    scores = record.scores_of(version)
    blocks = record.drift(scores)
    if not blocks:
        needed = record.BASE + record.BLOCK
        return (
            f"It has scored {len(scores)} photos; from {needed} on, each {record.BLOCK} are compared with "
            f"the first {record.BASE}."
        )
    labels = [f"{block.until:%d %b}" for block in blocks]
    values = [block.psi or 0.0 for block in blocks]
    latest = record.meaning(values[-1])
    return format_html(
        "<p>Now: {} ({}). Below {} the scores are steady; above {} the photos, the light or the phones have "
        "changed, and someone should look why.</p>{}{}",
        latest, f"{values[-1]:.2f}", f"{record.WATCH:.2f}", f"{record.CHANGED:.2f}",
        lines(
            "Population stability index of the scores", labels, [Line("index", values)], top=0.4, digits=2,
            marks=(Mark(record.WATCH, "watch above"), Mark(record.CHANGED, "changed above")),
        ),
        table(
            ("Until", "Index", ""),
            [(label, f"{v:.3f}", record.meaning(v)) for label, v in zip(labels, values, strict=True)],
        ),
    )  # fmt: skip


def _share(share: Share) -> str:
    if share.value is None or share.interval is None:
        return "-"
    low, high = share.interval
    return f"{share.hits} of {share.n}: {share.value:.0%} (95 %: {low:.0%} to {high:.0%})"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
