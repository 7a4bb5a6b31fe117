"""Numbers that many processes on many machines add up: counters and histograms in one hash of Redis.

Workers have no address that could be scraped; whoever is asked for /metrics reads the sums here. They are
for operators, not for anybody's record: a Redis that is away costs the numbers of that while and nothing
else, and one that was emptied starts again at nought, as counters may.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Literal

import redis
from django.conf import settings

_KEY = "dermatech:figures"
_REST_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Figure:
    """One family of numbers. `labels` are names; their values come from vocabularies of ours."""

    name: str
    help: str
    kind: Literal["counter", "histogram"]
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()


SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
STAGES = Figure(
    "dermatech_analysis_seconds", "Time of an analysis by stage.", "histogram", ("stage",), SECONDS
)
MODEL = Figure("dermatech_model_seconds", "Time the image model takes for a photo.", "histogram", (), SECONDS)
OUTCOMES = Figure("dermatech_analyses_total", "Attempts at analyses by outcome.", "counter", ("outcome",))
ABSTENTIONS = Figure("dermatech_abstentions_total", "Analyses that named no condition.", "counter")
LEVELS = Figure("dermatech_triage_levels_total", "Analyses by triage level.", "counter", ("level",))
CATALOGUE = (STAGES, MODEL, OUTCOMES, ABSTENTIONS, LEVELS)

_resting = {"until": 0.0}


@cache
def _client() -> "redis.Redis":
    client: redis.Redis = redis.Redis.from_url(
        settings.REDIS_URL, socket_connect_timeout=0.3, socket_timeout=0.3, decode_responses=True
    )
    return client


class Tally:
    """What one piece of work has to add, sent in one go at its end."""

    def __init__(self) -> None:
        self._fields: dict[str, float] = {}

    def count(self, figure: Figure, *labels: str) -> None:
        self._add(_field(figure.name, labels), 1)

    def observe(self, figure: Figure, seconds: float, *labels: str) -> None:
        bound = next((str(bound) for bound in figure.bounds if seconds <= bound), "+Inf")
        self._add(_field(f"{figure.name}_bucket", (*labels, bound)), 1)
        self._add(_field(f"{figure.name}_sum", labels), max(0.0, seconds))

    @contextmanager
    def timed(self, figure: Figure, *labels: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.observe(figure, time.perf_counter() - began, *labels)

    def _add(self, field: str, amount: float) -> None:
        self._fields[field] = self._fields.get(field, 0) + amount

    def send(self) -> None:
        """Never raises; after a failure nobody waits for Redis for a while."""
        if not self._fields or time.monotonic() < _resting["until"]:
            return
        try:
            pipe = _client().pipeline(transaction=False)
            for field, amount in self._fields.items():
                pipe.hincrbyfloat(_KEY, field, amount)
            pipe.execute()
        except redis.RedisError:
            _resting["until"] = time.monotonic() + _REST_SECONDS
        self._fields.clear()


def exposition() -> str:
    """All of the catalogue in Prometheus' text format; without samples while Redis does not answer."""
    try:
        stored = {str(field): str(value) for field, value in _client().hgetall(_KEY).items()}
    except redis.RedisError:
        stored = {}
    lines: list[str] = []
    for figure in CATALOGUE:
        lines += [f"# HELP {figure.name} {figure.help}", f"# TYPE {figure.name} {figure.kind}"]
        lines += _histogram(figure, stored) if figure.kind == "histogram" else _counter(figure, stored)
    return "\n".join(lines) + "\n"


def _field(name: str, labels: tuple[str, ...]) -> str:
    return "|".join((name, *labels))


def _samples(name: str, stored: Mapping[str, str]) -> list[tuple[tuple[str, ...], float]]:
    found = [(field.split("|"), float(value)) for field, value in stored.items()]
    return sorted((tuple(parts[1:]), value) for parts, value in found if parts[0] == name)


def _labelled(names: tuple[str, ...], values: tuple[str, ...]) -> str:
    pairs = ",".join(f'{name}="{value}"' for name, value in zip(names, values, strict=True))
    return f"{{{pairs}}}" if pairs else ""


def _counter(figure: Figure, stored: Mapping[str, str]) -> list[str]:
    samples = _samples(figure.name, stored) or ([] if figure.labels else [((), 0.0)])
    return [f"{figure.name}{_labelled(figure.labels, labels)} {value:g}" for labels, value in samples]


def _histogram(figure: Figure, stored: Mapping[str, str]) -> list[str]:
    counts: dict[tuple[str, ...], dict[str, float]] = {}
    for labels, value in _samples(f"{figure.name}_bucket", stored):
        counts.setdefault(labels[:-1], {})[labels[-1]] = value
    sums = dict(_samples(f"{figure.name}_sum", stored))
    lines = []
    for labels, buckets in sorted(counts.items()):
        total = 0.0
        for bound in (*(str(bound) for bound in figure.bounds), "+Inf"):
            total += buckets.get(bound, 0.0)
            lines.append(
                f"{figure.name}_bucket{_labelled((*figure.labels, 'le'), (*labels, bound))} {total:g}"
            )
        lines.append(f"{figure.name}_sum{_labelled(figure.labels, labels)} {sums.get(labels, 0.0):g}")
        lines.append(f"{figure.name}_count{_labelled(figure.labels, labels)} {total:g}")
    return lines
