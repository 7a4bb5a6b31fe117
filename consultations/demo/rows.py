"""Rows by the thousand: people, cases with their photos and analyses, medicines, events of the log."""

import json
import random
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import models, transaction
from django.utils import timezone

from accounts.audit.canonical import canonical_json, utc_text
from accounts.audit.models import AuditEvent, AuditPending
from accounts.audit.recorder import copies
from accounts.audit.vocabulary import Action, Outcome, Purpose
from accounts.models import AccountState, Cadre, Premises, Region, Role, User
from consultations.demo.templates import Template, decide
from consultations.models import Analysis, Consultation, Photo, Recommendation, State, Status
from consultations.services.results import Published
from medications.models import Medication

Progress = Callable[[int], None]
_BATCH = 2_000
_TONES = ("light", "intermediate", "tan", "brown", "dark")
_RARE = 0.002  # of analyses that failed
_ACTIONS = (
    Action.CONSULTATION_CREATED, Action.CONSULTATION_READ, Action.CONSULTATION_UPDATED, Action.PHOTO_READ,
    Action.ANALYSIS_READ, Action.RECOMMENDATION_MADE, Action.AUTH_REFRESH,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when rows are spread."""

    first: datetime
    last: datetime

    def moments(self, count: int) -> Iterator[datetime]:
        """`count` times in order, evenly."""
        step = (self.last - self.first) / max(count, 1)
        return (self.first + step * at for at in range(count))


def at(moment: datetime, chance: random.Random) -> uuid.UUID:
    """A UUIDv7 (RFC 9562) of that time."""
    milliseconds = int(moment.timestamp() * 1000)
    value = (milliseconds << 80) | chance.getrandbits(80)
    value = (value & ~(0xF << 76)) | (0x7 << 76)
    return uuid.UUID(int=(value & ~(0x3 << 62)) | (0x2 << 62))


@contextmanager
def own_times(*kinds: type[models.Model]) -> Iterator[None]:
    """Rows of these tables keep the times that they are given."""
    changed: list[tuple[Any, str]] = []
    for kind in kinds:
        for name, flag in (("created_at", "auto_now_add"), ("updated_at", "auto_now")):
            field = kind._meta.get_field(name)
            setattr(field, flag, False)
            changed.append((field, flag))
    try:
        yield
    finally:
        for field, flag in changed:
            setattr(field, flag, True)


def people(count: int, chance: random.Random) -> list[User]:
    """`count` pharmacists who cannot sign in, two to a pharmacy, in every region."""
    regions = list(Region.values)
    made = []
    for number in range(count):
        region = regions[number // 2 % len(regions)]
        premises, _ = Premises.objects.get_or_create(
            licence_number=f"DEMO/{number // 2:04}",
            defaults={"name": f"Demo Pharmacy {number // 2 + 1}", "region": region},
        )
        user = User(
            email=f"demo-{number:04}@dermatech.example", full_name=f"Demo Pharmacist {number + 1}",
            role=Role.PHARMACIST, cadre=Cadre.PHARMACIST, state=AccountState.VERIFIED, premises=premises,
            registration_number=f"DEMO/{number:05}",
        )  # fmt: skip
        user.set_unusable_password()
        known = User.objects.filter(email=user.email).first()
        if known is None:
            user.save()
        made.append(known or user)
    return made


def cases(
    count: int, *, span: Span, pharmacists: Sequence[User], templates: Sequence[Template], known: Published,
    chance: random.Random, progress: Progress,
) -> None:  # fmt: skip
    """Consultations, most with a photo and its analysis, all with what was recommended."""
    tables = (Consultation, Photo, Analysis, Recommendation)
    with own_times(*tables):
        batch: dict[type[models.Model], list[Any]] = {table: [] for table in tables}
        links: list[Any] = []
        for done, moment in enumerate(span.moments(count), start=1):
            _case(batch, links, moment, chance.choice(templates), chance.choice(pharmacists), known, chance)
            if done % _BATCH == 0 or done == count:
                with transaction.atomic():
                    for table, rows in batch.items():
                        table._default_manager.bulk_create(rows, batch_size=500)
                        rows.clear()
                    Analysis.photos.through._default_manager.bulk_create(links, batch_size=2_000)
                    links.clear()
                progress(done)


def _case(
    batch: dict[type[models.Model], list[Any]], links: list[Any], moment: datetime, template: Template,
    pharmacist: User, known: Published, chance: random.Random,
) -> None:  # fmt: skip
    said, decision = template.evaluation, decide(template, chance)
    if decision is not None:
        decided = (moment + timedelta(minutes=4)).isoformat().replace("+00:00", "Z")
        decision |= {"decided_by": str(pharmacist.pk), "decided_at": decided}
    times = {"created_at": moment, "updated_at": moment + timedelta(minutes=5)}
    closed = decision is not None and chance.random() < 0.3
    row = Consultation(
        id=at(moment, chance), pharmacist=pharmacist, premises=pharmacist.premises,
        age_months=template.patient["age_months"], sex=template.patient["sex"], presentation="rash",
        consent_photo=True, consent_data_use=True, facts=dict(template.facts),
        findings_present=list(template.present), findings_absent=list(template.absent),
        working_diagnosis=_diagnosis(template, chance), decision=decision,
        outcome={"result": "improved", "note": ""} if closed else None,
        state=State.CLOSED if closed else State.OPEN,
        closed_at=times["updated_at"] if closed else None,
        triage=dict(said.triage), triage_level=said.level.value, assessment=template.assessment,
        guidelines_release=known.guidelines, formulary_release=known.formulary_release, **times,
    )  # fmt: skip
    batch[Consultation].append(row)
    for proposed, weighed in ((True, said.proposed[:2]), (False, said.excluded[:2])):
        for rank, each in enumerate(weighed, start=1):
            batch[Recommendation].append(
                Recommendation(
                    id=at(moment, chance), consultation=row, medication=each["medication"], rank=rank,
                    proposed=proposed, code="" if proposed else each["code"], level=said.level.value,
                    payload=dict(each), **times,
                )
            )  # fmt: skip
    if chance.random() < 0.6:
        _photo(batch, links, row, template, known, times, chance)


def _diagnosis(template: Template, chance: random.Random) -> str:
    """Mostly what they have; at times nothing yet, or what the ranking suggested."""
    throw = chance.random()
    if throw < 0.15:
        return ""
    ranked = template.evaluation.assessment.get("conditions") or ()
    return str(ranked[0]["condition"]) if throw > 0.6 and ranked else template.condition


def _photo(
    batch: dict[type[models.Model], list[Any]], links: list[Any], row: Consultation, template: Template,
    known: Published, times: dict[str, datetime], chance: random.Random,
) -> None:  # fmt: skip
    fingerprint = f"{chance.getrandbits(256):064x}"
    quality = {
        "usable": True, "problems": [], "sharpness": 0.8, "exposure": 0.6, "glare": 0.01, "score": 0.8,
        "skin_fraction": 0.7, "skin_tone": {"ita_degrees": 0.0, "group": chance.choice(_TONES)},
    }  # fmt: skip
    photo = Photo(
        id=at(times["created_at"], chance), consultation=row, sha256_in=fingerprint, sha256_out=fingerprint,
        source_format="jpeg", format="jpeg", width=2016, height=1512, bytes=410_000, ssim=0.97,
        ssim_full=0.95,
        decoder="demo", quality=quality, file="demo/none.jpg", thumbnail="demo/none.jpg", **times,
    )  # fmt: skip
    batch[Photo].append(photo)
    said, failed = template.evaluation, chance.random() < _RARE
    answer: dict[str, Any] = {
        "status": Status.FAILED, "error_code": "internal_error", "error_detail": "Demo failure.",
    } if failed else {
        "status": Status.SUCCEEDED, "result": template.assessment, "triage": dict(said.triage),
        "triage_level": said.level.value, "guidelines_release": known.guidelines,
        "formulary_release": known.formulary_release, "duration_ms": chance.randint(200, 2500),
    }  # fmt: skip
    analysis = Analysis(
        id=at(times["created_at"], chance), consultation=row, sent_at=times["created_at"], fence=1,
        submitted_by_id=row.pharmacist_id, finished_at=times["updated_at"], **answer, **times,
    )  # fmt: skip
    batch[Analysis].append(analysis)
    links.append(Analysis.photos.through(analysis=analysis, photo=photo))


def medicines(count: int, progress: Progress) -> int:
    """Working rows beside the real ones until there are `count`; never proposed, so never published."""
    sources = list(Medication.objects.exclude(code__startswith="demo-").order_by("code"))
    have = Medication.objects.count()
    made = []
    for number in range(have, count if sources else have):
        row = sources[number % len(sources)]
        row.pk = None
        copy = Medication(**{
            field.attname: getattr(row, field.attname)
            for field in row._meta.concrete_fields
            if field.name not in ("id", "code", "generic_name", "created_at", "updated_at")
        })  # fmt: skip
        copy.code, copy.generic_name = f"demo-{number:05}", f"{row.generic_name} {number}"
        made.append(copy)
    for start in range(0, len(made), _BATCH):
        Medication.objects.bulk_create(made[start : start + _BATCH], batch_size=500)
        progress(have + start + len(made[start : start + _BATCH]))
    return len(made)


def events(
    count: int, *, span: Span, pharmacists: Sequence[User], chance: random.Random, progress: Progress
) -> None:
    """Events as `record` writes them, each with the mark that the sealer looks for."""
    batch: list[AuditEvent] = []
    for done, moment in enumerate(span.moments(count), start=1):
        batch.append(_event(moment, chance.choice(pharmacists), chance))
        if len(batch) == _BATCH or done == count:
            with transaction.atomic():
                AuditEvent.objects.bulk_create(batch, batch_size=1_000)
                AuditPending.objects.bulk_create(
                    [AuditPending(event=each) for each in batch], batch_size=1_000
                )
            batch = []
            progress(done)


def _event(moment: datetime, who: User, chance: random.Random) -> AuditEvent:
    action = chance.choice(_ACTIONS)
    patient = str(uuid.UUID(int=chance.getrandbits(128)))
    payload: dict[str, Any] = {
        "v": 1, "id": str(at(moment, chance)), "recorded_at": utc_text(moment), "action": action.value,
        "fhir": action.fhir, "outcome": (Outcome.DENIED if chance.random() < 0.01 else Outcome.SUCCESS).value,
        "purpose": Purpose.TREATMENT.fhir,
        "agent": {"id": str(who.pk), "name": who.full_name, "role": who.role, "address": "197.251.0.17",
                  "device": None, "user_agent": "DermaTech/1.0 (Android 14)"},
        "entity": {"type": "consultations.consultation", "id": patient}, "patient": patient,
        "request_id": f"{chance.getrandbits(128):032x}", "detail": {}, "changes": {},
    }  # fmt: skip
    return AuditEvent(**copies(payload), canonical_json=canonical_json(payload))


def until_now(days: int) -> Span:
    """The last `days` days."""
    now = timezone.now()
    return Span(now - timedelta(days=days), now)


def size_of(template: Template) -> int:
    """Bytes of JSON that a case made from it holds."""
    return len(json.dumps([template.assessment, dict(template.evaluation.triage)]))
