"""The admin of the knowledge: what a supervisor sees, edits, and is told when something is wrong."""

import json
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import AnonymousUser
from django.contrib.messages import get_messages
from django.forms import ModelForm
from django.test import Client, RequestFactory
from django.urls import reverse

from dermatech.core.releases import ReleaseState
from triage import services
from triage.admin.guidelines import GuidelineForm
from triage.admin.releases import GuidelineReleaseAdmin
from triage.admin.skin import ConditionForm, FindingForm, ProfileForm, SafetyQuestionForm
from triage.admin.vignettes import VignetteForm
from triage.engine import parse_knowledge
from triage.models import (
    Condition,
    ConditionProfile,
    ContentState,
    DifferentialScoring,
    Finding,
    Guideline,
    GuidelineRelease,
    KnowledgeItem,
    SafetyQuestion,
    Vignette,
)

MODELS = (Condition, Finding, ConditionProfile, Guideline, Vignette, SafetyQuestion, DifferentialScoring)


@pytest.fixture
def loaded(db: None) -> None:
    services.load_starter_knowledge()


@pytest.fixture
def site(loaded: None, yaw: Any) -> Client:
    """Yaw in the admin site."""
    client = Client()
    client.force_login(yaw)
    return client


def form_data(form_class: type[Any], item: KnowledgeItem, **changes: Any) -> dict[str, Any]:
    """What the browser would send back for `item` if nothing was touched but `changes`."""
    form = rendered(form_class, item)
    data = {}
    for name in form.fields:
        value = form[name].value()
        if value is not None:
            data[name] = getattr(value, "pk", value)
    return data | changes


def rendered(form_class: type[Any], item: KnowledgeItem, data: Any = None) -> Any:
    model_admin = admin.site._registry[type(item)]
    request = RequestFactory().get("/")
    request.user = AnonymousUser()
    real = model_admin.get_form(request, None, form=form_class, fields=None, exclude=None)
    return real(data, instance=item)


def errors(form_class: type[Any], item: KnowledgeItem, **changes: Any) -> dict[str, list[str]]:
    form = rendered(form_class, item, form_data(form_class, item, **changes))
    return {name: [str(each) for each in found] for name, found in form.errors.items()}


@pytest.mark.parametrize("model", [*MODELS, GuidelineRelease])
def test_every_kind_of_knowledge_stands_in_the_admin(model: Any) -> None:
    registered = admin.site._registry[model]
    assert registered.search_fields or model is DifferentialScoring
    assert registered.list_filter or model is DifferentialScoring


@pytest.mark.parametrize(
    ("form_class", "model"),
    [
        (GuidelineForm, Guideline),
        (VignetteForm, Vignette),
        (ConditionForm, Condition),
        (FindingForm, Finding),
        (ProfileForm, ConditionProfile),
        (SafetyQuestionForm, SafetyQuestion),
    ],
)
def test_every_starter_item_can_be_saved_as_it_is_shown(loaded: None, form_class: Any, model: Any) -> None:
    for item in model.objects.order_by("code")[::9]:
        form = rendered(form_class, item, form_data(form_class, item))
        assert form.is_valid(), (item.code, form.errors)
        assert form.changed_data == [], item.code


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            '{"all": [{"fact": "fevr", "op": "eq"}]}',
            "when.all[0].fact: There is no fact 'fevr'.",
        ),
        (
            '{"fact": "condition", "op": "eq", "value": "unicorn"}',
            "when.value: There is no condition 'unicorn'.",
        ),
        ('{"fact": "fever", "op": "gt", "value": 1}', "when.op: fever takes: eq, ne, is_unknown."),
        ('{"all": [}', "Line 1, column 10: Expecting value."),
        ("[" * 100_000, "This is nested too deep or holds a number that is too long."),
        ("", "This field is required."),
    ],
)
def test_a_rule_that_cannot_be_read_is_refused_and_the_place_is_named(
    loaded: None, text: str, said: str
) -> None:
    assert errors(GuidelineForm, Guideline.objects.get(code="ph-scabies"), when=text)["when"] == [said]


def test_a_rule_must_fire_on_its_own_case_and_not_on_its_counter_case(loaded: None) -> None:
    rule = Guideline.objects.get(code="ph-scabies")
    silent = errors(GuidelineForm, rule, match_case='{"condition": "warts"}')
    assert silent == {"match_case": ["The rule does not fire on these facts."]}
    loud = errors(GuidelineForm, rule, no_match_case=json.dumps(rule.match_case))
    assert loud == {"no_match_case": ["The rule fires on these facts."]}


def test_wrong_facts_of_a_case_are_named(loaded: None) -> None:
    found = errors(VignetteForm, Vignette.objects.get(code="v01"), facts='{"fever": "yes", "x": 1}')
    assert found["facts"] == [
        "fever: Must be true or false, or left out when it is not known.", "x: There is no fact 'x'.",
    ]  # fmt: skip


def test_ids_in_lists_must_exist(loaded: None) -> None:
    scabies = Condition.objects.get(code="scabies")
    assert errors(ConditionForm, scabies, look_alikes="warts\nunicorn") == {
        "look_alikes": ["There is no condition 'unicorn'."]
    }
    itchy = Finding.objects.get(code="itchy")
    assert errors(FindingForm, itchy, implies="itchy") == {"implies": ["A finding cannot name itself here."]}


def test_the_matrix_row_is_edited_one_finding_per_line(loaded: None) -> None:
    row = ConditionProfile.objects.get(code="scabies")
    found = errors(ProfileForm, row, findings="itchy: always\nantlers: often\nfever: daily\nitchy: often")
    assert found["findings"] == [
        "Line 2: there is no finding 'antlers'.",
        "Line 3: 'daily' is not one of always, often, sometimes, rarely, never.",
        "Line 4: itchy stands there twice.",
    ]


def test_sources_need_an_id_and_a_document(loaded: None) -> None:
    found = errors(ConditionForm, Condition.objects.get(code="scabies"), sources='[{"id": "x"}]')
    assert found["sources"] == ['Source 1 needs an "id" and a "document".']


# --- Pages ------------------------------------------------------------------------------------------
@pytest.mark.parametrize("model", MODELS)
def test_lists_and_pages_open(site: Client, model: Any) -> None:
    name = f"admin:triage_{model._meta.model_name}"
    listing = site.get(reverse(f"{name}_changelist"))
    assert listing.status_code == 200
    assert "not reviewed" in listing.content.decode()
    page = site.get(reverse(f"{name}_change", args=[model.objects.first().pk]))
    assert page.status_code == 200


def test_a_rule_s_page_shows_it_in_plain_words(site: Client) -> None:
    rule = Guideline.objects.get(code="ur-mpox-contact")
    page = site.get(reverse("admin:triage_guideline_change", args=[rule.pk])).content.decode()
    assert "There was mpox contact or travel in the last 21 days" in page


def test_saving_through_the_page_marks_the_rule_as_edited(site: Client, yaw: Any) -> None:
    rule = Guideline.objects.get(code="ph-scabies")
    data = form_data(GuidelineForm, rule, advice="Treat everyone at home today.")
    answer = site.post(reverse("admin:triage_guideline_change", args=[rule.pk]), data)
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    rule.refresh_from_db()
    assert rule.advice == "Treat everyone at home today."
    assert rule.content_state == ContentState.EDITED


def test_a_supervisor_proposes_by_adding_a_release_and_another_approves(
    site: Client, yaw: Any, abena: Any
) -> None:
    added = site.post(reverse("admin:triage_guidelinerelease_add"), {"title": "First review"})
    assert added.status_code == 302, added.context["adminform"].form.errors
    release = GuidelineRelease.objects.get()
    assert (release.state, release.proposed_by) == (ReleaseState.PROPOSED, yaw)
    listing = reverse("admin:triage_guidelinerelease_changelist")
    approve = {"action": "approve", "_selected_action": [str(release.pk)]}
    refused = site.post(listing, approve)
    said = [str(message) for message in get_messages(refused.wsgi_request)]
    assert said[-1:] == ["Another supervisor must approve what you proposed."]
    other = Client()
    other.force_login(abena)
    other.post(listing, approve)
    release.refresh_from_db()
    assert (release.state, release.approved_by) == (ReleaseState.ACTIVE, abena)
    page = other.get(reverse("admin:triage_guidelinerelease_change", args=[release.pk]))
    assert page.status_code == 200
    assert release.content_hash in page.content.decode()


def test_a_release_that_breaks_a_case_cannot_be_proposed_and_the_page_says_why(site: Client) -> None:
    Guideline.objects.filter(code="em-anaphylaxis").update(level="self_care")
    page = site.post(reverse("admin:triage_guidelinerelease_add"), {"title": "Weaker"})
    assert page.status_code == 200
    said = page.content.decode()
    assert "It cannot be proposed" in said
    assert "vignettes.v01" in said
    assert "Expected emergency" in said
    assert not GuidelineRelease.objects.exists()


def test_releases_are_never_deleted() -> None:
    registered = admin.site._registry[GuidelineRelease]
    assert isinstance(registered, GuidelineReleaseAdmin)
    assert not registered.has_delete_permission(RequestFactory().get("/"))


def test_the_list_of_rules_costs_few_queries(site: Client, django_assert_max_num_queries: Any) -> None:
    """Session, user, counts, the page of rows, filters: none per row."""
    with django_assert_max_num_queries(12):
        site.get(reverse("admin:triage_guideline_changelist"))


def test_the_weight_of_answers_is_edited_checked_and_part_of_the_next_release(site: Client) -> None:
    row = DifferentialScoring.objects.get()
    assert "temper" not in services.build_snapshot()["scoring"], "at 1 it says nothing"
    page = reverse("admin:triage_differentialscoring_change", args=[row.pk])
    assert "At 0.5 it counts half" in site.get(page).content.decode()
    for wrong in ("0", "1.5"):
        answer = site.post(page, form_data(ModelForm, row, temper=wrong))
        assert "Ensure this value" in answer.content.decode()
    assert site.post(page, form_data(ModelForm, row, temper="0.6")).status_code == 302
    assert parse_knowledge(services.build_snapshot()).scoring.temper == 0.6
