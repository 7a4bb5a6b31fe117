"""The Grafana dashboard asks for nothing that /metrics does not export."""

import json
import re
from typing import Any

import pytest

from dermatech.core import counting
from tests.services.stack import ROOT

pytestmark = [pytest.mark.one_database, pytest.mark.django_db]
_BOARD = ROOT / "docker" / "grafana-dashboard.json"
_WORDS = {"instance", "by", "without", "le"}


@pytest.fixture(scope="module")
def board() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(_BOARD.read_text())
    return loaded


@pytest.fixture
def worked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Redis in which one analysis was counted."""
    stored: dict[str, float] = {}

    class Pipe:
        def hincrbyfloat(self, _key: str, field: str, amount: float) -> None:
            stored[field] = stored.get(field, 0) + amount

        def execute(self) -> None: ...

    class Client:
        def pipeline(self, **_: Any) -> Pipe:
            return Pipe()

        def hgetall(self, _key: str) -> dict[str, str]:
            return {field: str(amount) for field, amount in stored.items()}

    client = Client()
    monkeypatch.setattr(counting, "_client", lambda: client)
    monkeypatch.setitem(counting._resting, "until", 0.0)
    tally = counting.Tally()
    for stage in ("waiting", "looking", "judging", "writing", "whole"):
        tally.observe(counting.STAGES, 0.2, stage)
    tally.observe(counting.MODEL, 70)
    tally.count(counting.OUTCOMES, "succeeded")
    tally.count(counting.ABSTENTIONS)
    tally.count(counting.LEVELS, "self_care")
    tally.send()


@pytest.fixture
def exported(worked: None, client: Any) -> str:
    """What a scrape of this machine reads after somebody asked for readiness."""
    from consultations.services import workload

    workload.refresh()
    client.get("/api/v1/health/live")
    text: str = client.get("/api/v1/metrics").content.decode()
    return text


def test_every_query_names_a_metric_that_is_exported(board: dict[str, Any], exported: str) -> None:
    names = set(re.findall(r"^([a-z_]+)(?:\{| )", exported, re.MULTILINE))
    asked = {
        name
        for panel in board["panels"]
        for target in panel["targets"]
        for name in re.findall(r"dermatech_[a-z_]+", target["expr"])
    }
    assert len(asked) >= 12
    assert asked <= names, asked - names


def test_every_label_that_a_query_groups_by_is_exported(board: dict[str, Any], exported: str) -> None:
    for panel in board["panels"]:
        for target in panel["targets"]:
            labels = set(re.findall(r"by \(([a-z, ]+)\)", target["expr"]))
            for label in {word for some in labels for word in some.split(", ")} - _WORDS:
                metric = re.findall(r"dermatech_[a-z_]+", target["expr"])[0]
                assert re.search(rf'^{metric}\{{[^}}]*{label}="', exported, re.MULTILINE), (metric, label)


def test_a_histogram_adds_up(exported: str) -> None:
    assert 'dermatech_model_seconds_bucket{le="60.0"} 0' in exported
    assert 'dermatech_model_seconds_bucket{le="+Inf"} 1' in exported
    assert "dermatech_model_seconds_sum 70" in exported
    assert 'dermatech_analysis_seconds_bucket{stage="whole",le="0.25"} 1' in exported


def test_every_panel_has_a_place_of_its_own(board: dict[str, Any]) -> None:
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in board["panels"]]
    assert len(set(places)) == len(places)


def test_without_redis_metrics_are_told_all_the_same(client: Any) -> None:
    counting._resting["until"] = 0.0
    tally = counting.Tally()
    tally.count(counting.OUTCOMES, "succeeded")
    tally.send()
    assert counting._resting["until"] > 0, "nobody waits for a Redis that is away"
    assert "# TYPE dermatech_analyses_total counter" in client.get("/api/v1/metrics").content.decode()
