"""The pages of a release: what is found, what it changes, and why somebody cannot approve it."""

import json
import re
import uuid
from collections.abc import Callable, Mapping
from html import unescape
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import background
from accounts.models import BackgroundJob
from dermatech.core import replays
from dermatech.core.differences import Line
from dermatech.core.releases import ReleaseState
from dermatech.core.replays import ChangedCase, Outcome, ReplayReport
from triage import selectors
from triage.admin.presenting import fold
from triage.models import Finding, Guideline, GuidelineRelease, Vignette
from triage.services import exchange
from triage.services.exchange import background as stored_later

pytestmark = [pytest.mark.django_db, pytest.mark.one_database, pytest.mark.usefixtures("starter_knowledge")]
ADD = "admin:triage_guidelinerelease_add"
EXCHANGE = "admin:triage_guidelinerelease_exchange"
Enter = Callable[[Any], Client]


@pytest.fixture
def enter() -> Enter:
    def sign_in(person: Any) -> Client:
        client = Client()
        client.force_login(person)
        return client

    return sign_in


@pytest.fixture
def site(enter: Enter, yaw: Any) -> Client:
    return enter(yaw)


def outcome(level: str) -> Outcome:
    return Outcome(level, "same day", False, ("ur-x",), ("scabies",), (), (), None)


@pytest.fixture
def milder(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Whatever is proposed, two patients seen last week would be judged milder. Their keys."""
    what = ("Level: refer urgent -> self care",)
    cases = [
        ChangedCase(
            f"{who}:1", str(who), "2026-11-16", outcome("refer_urgent"), outcome("self_care"), True, what
        )
        for who in (uuid.uuid4(), uuid.uuid4())
    ]

    def replay(snapshot: Mapping[str, Any], *, last: int | None = None, progress: Any = None) -> ReplayReport:
        base = selectors.current_release().label
        return ReplayReport(base, 500, 2, 0, tuple(cases), (), timezone.now().isoformat(), 3)

    monkeypatch.setitem(replays._replayers, "triage.guidelinerelease", replay)
    return [case.key for case in cases]


def text_of(answer: Any) -> str:
    """What a person reads on a page, on one line."""
    assert answer.status_code == 200, answer.status_code
    page = re.sub(r"(?s)<(script|style|noscript).*?</\1>", " ", answer.content.decode())
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


def page_of(release: GuidelineRelease) -> str:
    return reverse("admin:triage_guidelinerelease_change", args=[release.pk])


def proposed(client: Client, title: str = "Advice for scabies") -> GuidelineRelease:
    Guideline.objects.filter(code="ph-scabies").update(advice="Treat everyone at home. Come back in 2 weeks.")
    answer = client.post(reverse(ADD), {"title": title})
    assert answer.status_code == 302, text_of(answer)
    return GuidelineRelease.objects.get(title=title)


def decide(client: Client, release: GuidelineRelease, decision: str, **data: str) -> str:
    return text_of(client.post(page_of(release), {"decision": decision, **data}, follow=True))


# --- What cannot be approved ------------------------------------------------------------------------
def test_a_proposal_that_names_an_unknown_fact_is_refused_with_its_place(site: Client) -> None:
    when = {"all": [{"fact": "fevr", "op": "eq", "value": True}]}
    Guideline.objects.filter(code="ph-scabies").update(when=when)
    for answer in (site.get(reverse(ADD)), site.post(reverse(ADD), {"title": "Fever"})):
        said = text_of(answer)
        assert "It cannot be proposed" in said
        assert "ph-scabies.when.all[0].fact" in said
        assert "There is no fact 'fevr'." in said
    assert GuidelineRelease.objects.count() == 1


def test_a_proposal_that_breaks_a_case_is_refused_with_the_case(site: Client) -> None:
    Vignette.objects.filter(code="v01").update(expected_level="self_care")
    said = text_of(site.post(reverse(ADD), {"title": "Peanuts"}))
    assert "It cannot be proposed: 1 finding" in said
    assert "vignettes.v01 : Expected self_care, the rules say emergency (em-anaphylaxis)." in said
    assert GuidelineRelease.objects.count() == 1


def test_a_milder_outcome_without_a_reason_cannot_be_approved(
    site: Client, enter: Enter, abena: Any, milder: list[str]
) -> None:
    release = proposed(site)
    other = enter(abena)

    said = text_of(other.get(page_of(release)))
    assert "0 unchanged, 2 changed, 2 milder or less safe" in said
    assert "Level: refer urgently → self-care" in said
    assert "You cannot approve this release: 2 milder outcomes of past cases have no reason yet." in said
    refused = decide(other, release, "approve")
    assert "2 past cases would be judged milder and nobody said why" in refused

    assert "Say it in 1 to 4000 characters." in decide(
        other, release, "explain", keys="\n".join(milder), reason=" "
    )
    kept = decide(other, release, "explain", keys="\n".join(milder), reason="Both were mild from the start.")
    assert "The reason is kept for 2 past cases." in kept
    assert "Why this is right: Both were mild from the start." in kept
    assert "is now in force" in decide(other, release, "approve")


def test_who_proposed_cannot_approve_and_is_told_so(site: Client) -> None:
    release = proposed(site)
    said = text_of(site.get(page_of(release)))
    assert "You cannot approve this release: Another supervisor must approve what you proposed." in said
    assert "Another supervisor must approve what you proposed." in decide(site, release, "approve")
    release.refresh_from_db()
    assert release.state == ReleaseState.PROPOSED


def test_an_auditor_reads_a_proposal_and_decides_nothing(site: Client, enter: Enter, efua: Any) -> None:
    release = proposed(site)
    auditor = enter(efua)
    assert "Approve, so that it takes effect" not in text_of(auditor.get(page_of(release)))
    assert auditor.post(page_of(release), {"decision": "approve"}).status_code == 403
    assert auditor.get(reverse(ADD)).status_code == 403


# --- What is shown ----------------------------------------------------------------------------------
def test_a_proposal_shows_checks_cases_and_what_it_changes(site: Client) -> None:
    release = proposed(site)
    said = text_of(site.get(page_of(release)))
    assert re.search(r"\d+ of 185 test cases agree", said)
    assert "What changes against release 1-" in said
    assert "+ Treat everyone at home. Come back in 2 weeks." in said


def test_changed_criteria_are_compared_in_plain_words(site: Client) -> None:
    rule = Guideline.objects.get(code="ph-scabies")
    rule.when = {"all": [rule.when, {"fact": "pain_score", "op": "lte", "value": 9}]}
    rule.save()
    said = text_of(site.get(reverse(ADD)))
    assert "+ Pain is 9 of 10 or less" in said


def test_any_two_releases_can_be_compared(site: Client, enter: Enter, abena: Any) -> None:
    release = proposed(site)
    decide(enter(abena), release, "approve")
    first = GuidelineRelease.objects.get(number=1)
    said = text_of(site.get(page_of(first), {"against": release.number}))
    assert f"What changes against release {release.label}" in said
    assert "\N{MINUS SIGN} Treat everyone at home. Come back in 2 weeks." in said


def test_long_unchanged_stretches_are_folded() -> None:
    lines = [Line(" ", str(n)) for n in range(9)] + [Line("+", "new")] + [Line(" ", str(n)) for n in range(9)]
    assert [line.text for line in fold(lines)] == ["...", "8", "new", "0", "..."]


def test_proposing_may_be_rehearsed_without_proposing(site: Client, milder: list[str]) -> None:
    said = text_of(site.post(reverse(ADD), {"preview": "yes"}))
    assert "2 milder or less safe" in said
    assert GuidelineRelease.objects.count() == 1


def test_a_proposal_needs_a_title(site: Client) -> None:
    assert "Say in a few words what this release changes." in text_of(site.post(reverse(ADD), {"title": " "}))


def test_the_snapshot_is_downloaded_as_it_was_hashed(site: Client) -> None:
    release = GuidelineRelease.objects.get()
    answer = site.get(reverse("admin:triage_guidelinerelease_snapshot", args=[release.pk]))
    assert answer.content.decode() == release.snapshot


# --- Decisions --------------------------------------------------------------------------------------
def test_people_talk_about_a_proposal_and_close_it(site: Client) -> None:
    release = proposed(site)
    said = decide(site, release, "comment", text="Is two weeks right?", about="guidelines.ph-scabies")
    assert "about guidelines.ph-scabies Is two weeks right?" in said
    assert "Say it in 1 to" in decide(site, release, "reject", reason="")
    assert f"Release {release.label} was closed." in decide(site, release, "reject", reason="Not yet.")
    release.refresh_from_db()
    assert release.state == ReleaseState.REJECTED


def test_a_release_is_approved_for_a_later_day(site: Client, enter: Enter, abena: Any) -> None:
    release, other = proposed(site), enter(abena)
    assert "Choose the day and time" in decide(other, release, "approve_later", at="soon")
    assert "has not passed yet" in decide(other, release, "approve_later", at="2020-01-01T08:00")
    said = decide(other, release, "approve_later", at="2099-01-01T08:00")
    assert "takes effect on 01 January 2099 at 08:00 GMT" in said
    release.refresh_from_db()
    assert release.state == ReleaseState.SCHEDULED


def test_a_weakened_emergency_rule_needs_two_approvals(
    site: Client, enter: Enter, abena: Any, adjoa: Any
) -> None:
    Guideline.objects.filter(code="em-sepsis-skin").update(
        when={
            "all": [
                Guideline.objects.get(code="em-sepsis-skin").when,
                {"fact": "pain_score", "op": "gte", "value": 1},
            ]
        }
    )
    Guideline.objects.filter(code="em-sepsis-skin").update(match_case={}, no_match_case={})
    Vignette.objects.filter(expected_rules__icontains="em-sepsis-skin").update(
        known_shortfall="Being discussed."
    )
    release = proposed(site, "Sepsis with pain only")
    other = enter(abena)
    said = text_of(other.get(page_of(release)))
    assert "Emergency rules that would say less: two approvals needed" in said
    assert "0 of 2 approvals given." in said
    assert "Your approval is noted. A second supervisor must approve it, too." in decide(
        other, release, "approve"
    )
    assert "You have approved it; a second supervisor must, too." in text_of(other.get(page_of(release)))


def test_rolling_back_asks_first_and_says_what_it_changes(site: Client, enter: Enter, abena: Any) -> None:
    release = proposed(site)
    decide(enter(abena), release, "approve")
    first = GuidelineRelease.objects.get(number=1)
    address = reverse("admin:triage_guidelinerelease_bring_back", args=[first.pk])
    assert "\N{MINUS SIGN} Treat everyone at home. Come back in 2 weeks." in text_of(site.get(address))
    assert "is in force again" in text_of(site.post(address, follow=True))
    first.refresh_from_db()
    assert first.state == ReleaseState.ACTIVE


# --- Import and export ------------------------------------------------------------------------------
def test_everything_is_exported_and_comes_back_unchanged(site: Client) -> None:
    content = site.get(reverse("admin:triage_guidelinerelease_export", args=["knowledge", "json"])).content
    assert content == exchange.export_set()
    said = text_of(site.post(reverse(EXCHANGE), {"file": SimpleUploadedFile("all.json", content)}))
    assert "0 rows would change" in said


@pytest.mark.parametrize("form", ["xlsx", "csv"])
def test_a_table_is_exported_edited_and_imported_after_a_dry_run(site: Client, form: str) -> None:
    address = reverse("admin:triage_guidelinerelease_export", args=["findings", form])
    content = site.get(address).content
    Finding.objects.filter(code="itchy").update(name="Itch")
    upload = SimpleUploadedFile(f"findings.{form}", content)
    shown = text_of(site.post(reverse(EXCHANGE), {"file": upload, "kind": "findings"}))
    assert "1 row would change" in shown
    assert "\N{MINUS SIGN} Itch" in shown
    assert Finding.objects.get(code="itchy").name == "Itch"  # nothing stored yet
    site.post(reverse(EXCHANGE), {"confirmed": "yes"})
    assert Finding.objects.get(code="itchy").name != "Itch"


def test_many_rows_are_stored_by_a_worker(site: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_later, "IN_REQUEST", 0)
    content = exchange.export_table("findings", "csv")
    Finding.objects.filter(code="itchy").update(name="Itch")
    site.post(reverse(EXCHANGE), {"file": SimpleUploadedFile("findings.csv", content), "kind": "findings"})
    said = text_of(site.post(reverse(EXCHANGE), {"confirmed": "yes"}, follow=True))
    assert "Import of findings.csv" in said
    assert Finding.objects.get(code="itchy").name == "Itch"
    assert background.run_due() == 1
    assert Finding.objects.get(code="itchy").name != "Itch"
    assert "1 row was changed." in text_of(site.get(background.address(BackgroundJob.objects.get())))


def test_a_file_with_a_mistake_is_refused_with_its_place(site: Client) -> None:
    document = json.loads(exchange.export_set())
    rows = document.get("guidelines") or document["tables"]["guidelines"]
    rows[0]["when"] = {"fact": "fevr", "op": "eq", "value": True}
    upload = SimpleUploadedFile("all.json", json.dumps(document).encode())
    said = text_of(site.post(reverse(EXCHANGE), {"file": upload}))
    assert "There is no fact 'fevr'." in said
    assert "store these changes" not in said


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("all.json", b"[", "cannot be"),
        ("findings.csv", b"x", "Say which table this file holds."),
        ("all.exe", b"x", "A file must end in .json, .xlsx or .csv."),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(site: Client, name: str, content: bytes, said: str) -> None:
    page = text_of(site.post(reverse(EXCHANGE), {"file": SimpleUploadedFile(name, content)}))
    assert "The file was refused" in page
    if said != "cannot be":
        assert said in page


def test_a_yes_without_a_dry_run_stores_nothing(site: Client) -> None:
    assert "Choose the file again" in text_of(site.post(reverse(EXCHANGE), {"confirmed": "yes"}))
