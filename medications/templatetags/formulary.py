"""What was before and after, with the words that changed marked."""

import re
from difflib import SequenceMatcher
from typing import NamedTuple

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from medications.models import InteractionClass, MedicineName
from triage.models import ContentState, KnowledgeItem
from triage.models.content import Confidence

register = template.Library()
_EMPTY: SafeString = SafeString('<span class="quiet">empty</span>')
_BREAK = SafeString("<br>")
# Beyond this many words a comparison word by word costs more than it tells.
_MOST_WORDS = 2_000
_ONE_TEXT = 0.6  # the share of words in common from which single words are marked
_WORDS = re.compile(r"\n|[^\S\n]+|[\w.,%/'-]+|.", re.UNICODE)


class Told(NamedTuple):
    """Both sides as safe HTML."""

    before: SafeString
    after: SafeString


@register.simple_tag
def differences(before: str, after: str) -> Told:
    """`before` with what is gone marked as deleted, `after` with what is new marked as inserted."""
    split = str.splitlines if "\n" in before + after else _WORDS.findall
    joint = "\n" if split is str.splitlines else ""
    old, new = split(before), split(after)
    if not before or not after or max(len(old), len(new)) > _MOST_WORDS:
        return Told(_marked([("del", before)]), _marked([("ins", after)]))
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    gone, come = [], []
    # Little in common: two values, not one text that was edited.
    if not joint and matcher.ratio() < _ONE_TEXT:
        return Told(_marked([("del", before)]), _marked([("ins", after)]))
    for kind, i1, i2, j1, j2 in matcher.get_opcodes():
        same = kind == "equal"
        gone.append(("" if same else "del", joint.join(old[i1:i2])))
        come.append(("" if same else "ins", joint.join(new[j1:j2])))
    return Told(_marked(gone, joint), _marked(come, joint))


def _marked(parts: list[tuple[str, str]], joint: str = "") -> SafeString:
    shown = [
        format_html("<{}>{}</{}>", kind, _lines(text), kind) if kind else _lines(text)
        for kind, text in parts
        if text
    ]
    between = _BREAK if joint else ""
    return format_html_join(between, "{}", ((part,) for part in shown)) if shown else _EMPTY


def _lines(text: str) -> SafeString:
    return format_html_join(_BREAK, "{}", ((line,) for line in text.split("\n")))


class Badge(NamedTuple):
    """A word and its colour."""

    text: str
    variant: str


_CONFIDENCE = {
    Confidence.CONFIRMED: "success",
    Confidence.PARTIAL: "info",
    Confidence.UNVERIFIED: "warning",
}
_STATES = {
    ContentState.STARTER: "warning",
    ContentState.EDITED: "info",
    ContentState.REVIEWED: "success",
}


@register.simple_tag
def state_badges(item: KnowledgeItem) -> list[Badge]:
    """Where an item stands: its review, its sources, and how much of it nobody has verified yet."""
    state, confidence = ContentState(item.content_state), Confidence(item.confidence)
    badges = [
        Badge(str(state.label), _STATES[state]),
        Badge(str(confidence.label), _CONFIDENCE[confidence]),
    ]
    open_points = len(item.unverified_fields)
    if open_points:
        badges.append(
            Badge(f"{open_points} point{'' if open_points == 1 else 's'} not yet verified", "warning")
        )
    return badges


@register.simple_tag
def known_names() -> list[str]:
    """What an interaction may be with: medicines by generic name, and interaction classes."""
    names = set(MedicineName.objects.values_list("code", flat=True))
    return sorted(names.union(InteractionClass.objects.values_list("code", flat=True)))
