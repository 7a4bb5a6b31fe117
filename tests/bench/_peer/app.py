"""The list of consultations and the vocabulary of findings, in FastAPI; runs in an environment of its own.

Same tables, rows, fields, order and page as ours, the same token checked with the same query. `/orm` is
SQLAlchemy's ORM with Pydantic models for the answer, `/core` is SQLAlchemy Core with orjson. Below `/noted`
each read also leaves one row in a log, committed before the answer, which is the least that a record of
who read what can be; ours writes a sealed audit event.
"""

import base64
import json
import os
import uuid
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any

import jwt
import orjson
from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException, Request, Response
from pydantic import BaseModel
from sqlalchemy import Connection, ForeignKey, create_engine, func, insert, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, contains_eager, mapped_column, relationship

_ENGINE = create_engine(os.environ["PEER_DATABASE"], pool_size=24)
_KEY = os.environ["JWT_SIGNING_KEY"]
_PAGE = 20


class Base(DeclarativeBase):
    type_annotation_map = {dict[str, Any]: JSONB}


class User(Base):
    __tablename__ = "accounts_user"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    full_name: Mapped[str]
    premises_id: Mapped[uuid.UUID | None]
    epoch: Mapped[int]
    state: Mapped[str]


class Device(Base):
    __tablename__ = "accounts_devicesession"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts_user.id"))
    epoch: Mapped[int]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    user: Mapped[User] = relationship()


class Photo(Base):
    __tablename__ = "consultations_photo"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    consultation_id: Mapped[uuid.UUID]


class Analysis(Base):
    __tablename__ = "consultations_analysis"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    consultation_id: Mapped[uuid.UUID]
    created_at: Mapped[datetime]
    status: Mapped[str]
    fence: Mapped[int]


class Consultation(Base):
    __tablename__ = "consultations_consultation"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    client_reference: Mapped[str]
    pharmacist_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts_user.id"))
    premises_id: Mapped[uuid.UUID]
    age_months: Mapped[int | None]
    sex: Mapped[str]
    initials: Mapped[str]
    presentation: Mapped[str]
    triage: Mapped[dict[str, Any]]
    triage_level: Mapped[str]
    working_diagnosis: Mapped[str]
    decision: Mapped[dict[str, Any] | None]
    state: Mapped[str]
    version: Mapped[int]
    pharmacist: Mapped[User] = relationship()


class Finding(Base):
    __tablename__ = "triage_finding"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    code: Mapped[str]
    name: Mapped[str]
    group: Mapped[str]
    question: Mapped[str]
    help: Mapped[str]
    fact: Mapped[str]
    excludes: Mapped[list[str]] = mapped_column(JSONB)
    implies: Mapped[list[str]] = mapped_column(JSONB)


class ReadLog(Base):
    __tablename__ = "peer_read_log"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[uuid.UUID]
    path: Mapped[str]
    read: Mapped[dict[str, Any]]
    at: Mapped[datetime] = mapped_column(server_default=func.now())


class PersonOut(BaseModel):
    id: uuid.UUID
    full_name: str


class PatientOut(BaseModel):
    age_months: int | None
    sex: str | None
    initials: str


class AnalysisOut(BaseModel):
    id: uuid.UUID
    status: str


class ConsultationOut(BaseModel):
    id: uuid.UUID
    client_reference: str | None
    created_at: datetime
    updated_at: datetime
    state: str
    closed_at: datetime | None
    pharmacist: PersonOut
    patient: PatientOut
    presentation: str
    triage_level: str
    provisional: bool
    working_diagnosis: str | None
    decision: str | None
    images: int
    analysis: AnalysisOut | None
    etag: str


class PageOut(BaseModel):
    next: str | None
    previous: str | None
    results: list[ConsultationOut]


class FindingOut(BaseModel):
    id: str
    name: str
    group: str
    question: str
    help: str
    fact: str | None
    excludes: list[str]
    implies: list[str]


def session() -> Iterator[Session]:
    with Session(_ENGINE) as opened:
        yield opened


Database = Annotated[Session, Depends(session)]


def caller(database: Database, authorization: Annotated[str, Header()] = "") -> User:
    try:
        claims = jwt.decode(
            authorization.removeprefix("Bearer "), _KEY, algorithms=["HS256"],
            audience="dermatech-api", issuer="dermatech",
        )  # fmt: skip
    except jwt.InvalidTokenError as error:
        raise HTTPException(401) from error
    asked = (
        select(Device)
        .join(Device.user)
        .options(contains_eager(Device.user))
        .where(Device.id == uuid.UUID(claims["sid"]), Device.ended_at.is_(None))
    )
    device = database.scalars(asked).one_or_none()
    if device is None or device.user.epoch != claims["epoch"]:
        raise HTTPException(401)
    return device.user


Caller = Annotated[User, Depends(caller)]


def _of(consultation: Any) -> tuple[Any, Any, Any, Any]:
    """Photos counted, and the newest analysis: the same subqueries as ours."""
    photos = select(func.count()).select_from(Photo).where(Photo.consultation_id == consultation)
    newest = (
        select(Analysis.id)
        .where(Analysis.consultation_id == consultation)
        .order_by(Analysis.created_at.desc(), Analysis.id.desc())
        .limit(1)
    )
    status, fence = newest.with_only_columns(Analysis.status), newest.with_only_columns(Analysis.fence)
    return tuple(each.scalar_subquery() for each in (photos, newest, status, fence))  # type: ignore[return-value]


def _next(request: Request, created_at: datetime, key: uuid.UUID) -> str:
    raw = json.dumps([created_at.isoformat(), str(key), False]).encode()
    return str(request.url.include_query_params(cursor=base64.urlsafe_b64encode(raw).decode().rstrip("=")))


def _etag(version: int, analysis: uuid.UUID | None, status: str | None, fence: int | None) -> str:
    return str(version) if analysis is None else f"{version}-{status}-{fence}-{str(analysis)[-8:]}"


def _listed(request: Request, database: Session, user: User) -> PageOut:
    photos, analysis, status, fence = _of(Consultation.id)
    asked = (
        select(Consultation, photos, analysis, status, fence)
        .join(Consultation.pharmacist)
        .options(contains_eager(Consultation.pharmacist))
        .where(Consultation.premises_id == user.premises_id)
        .order_by(Consultation.created_at.desc(), Consultation.id.desc())
        .limit(_PAGE + 1)
    )
    rows = database.execute(asked).all()
    results = [
        ConsultationOut(
            id=row.id, client_reference=row.client_reference or None, created_at=row.created_at,
            updated_at=row.updated_at, state=row.state, closed_at=row.closed_at,
            pharmacist=PersonOut(id=row.pharmacist_id, full_name=row.pharmacist.full_name),
            patient=PatientOut(age_months=row.age_months, sex=row.sex or None, initials=row.initials),
            presentation=row.presentation, triage_level=row.triage_level,
            provisional=bool(row.triage.get("provisional")),
            working_diagnosis=row.working_diagnosis or None, decision=(row.decision or {}).get("action"),
            images=images, analysis=AnalysisOut(id=key, status=state) if key else None,
            etag=_etag(row.version, key, state, number),
        )
        for row, images, key, state, number in rows[:_PAGE]
    ]  # fmt: skip
    more = len(rows) > _PAGE
    return PageOut(
        next=_next(request, results[-1].created_at, results[-1].id) if more else None,
        previous=None,
        results=results,
    )


def _listed_by_core(request: Request, connection: Connection, user: User) -> bytes:
    table, person = Consultation.__table__, User.__table__
    photos, analysis, status, fence = _of(table.c.id)
    asked = (
        select(
            table.c.id, table.c.client_reference, table.c.created_at, table.c.updated_at, table.c.state,
            table.c.closed_at, table.c.pharmacist_id, person.c.full_name, table.c.age_months, table.c.sex,
            table.c.initials, table.c.presentation, table.c.triage_level, table.c.triage,
            table.c.working_diagnosis, table.c.decision, table.c.version, photos, analysis, status, fence,
        )
        .join(person, person.c.id == table.c.pharmacist_id)
        .where(table.c.premises_id == user.premises_id)
        .order_by(table.c.created_at.desc(), table.c.id.desc())
        .limit(_PAGE + 1)
    )  # fmt: skip
    rows = connection.execute(asked).all()
    results = [
        {
            "id": row[0], "client_reference": row[1] or None, "created_at": row[2], "updated_at": row[3],
            "state": row[4], "closed_at": row[5], "pharmacist": {"id": row[6], "full_name": row[7]},
            "patient": {"age_months": row[8], "sex": row[9] or None, "initials": row[10]},
            "presentation": row[11], "triage_level": row[12], "provisional": bool(row[13].get("provisional")),
            "working_diagnosis": row[14] or None, "decision": (row[15] or {}).get("action"),
            "images": row[17], "analysis": {"id": row[18], "status": row[19]} if row[18] else None,
            "etag": _etag(row[16], row[18], row[19], row[20]),
        }
        for row in rows[:_PAGE]
    ]  # fmt: skip
    more = len(rows) > _PAGE
    following = _next(request, rows[_PAGE - 1][2], rows[_PAGE - 1][0]) if more else None
    return orjson.dumps({"next": following, "previous": None, "results": results})


def _note(database: Session, request: Request, user: User, ids: list[str]) -> None:
    database.execute(insert(ReadLog).values(user_id=user.id, path=request.url.path, read={"ids": ids}))
    database.commit()


orm, core, noted = APIRouter(prefix="/orm"), APIRouter(prefix="/core"), APIRouter(prefix="/noted")


@orm.get("/consultations", response_model=PageOut)
def list_by_orm(request: Request, database: Database, user: Caller) -> PageOut:
    return _listed(request, database, user)


@core.get("/consultations")
def list_by_core(request: Request, database: Database, user: Caller) -> Response:
    return Response(_listed_by_core(request, database.connection(), user), media_type="application/json")


@noted.get("/orm/consultations", response_model=PageOut)
def list_by_orm_noted(request: Request, database: Database, user: Caller) -> PageOut:
    page = _listed(request, database, user)
    _note(database, request, user, [str(row.id) for row in page.results])
    return page


@noted.get("/core/consultations")
def list_by_core_noted(request: Request, database: Database, user: Caller) -> Response:
    body = _listed_by_core(request, database.connection(), user)
    _note(database, request, user, [row["id"] for row in orjson.loads(body)["results"]])
    return Response(body, media_type="application/json")


@orm.get("/findings", response_model=list[FindingOut])
def findings(database: Database, user: Caller) -> list[FindingOut]:
    return open_findings(database)


@orm.get("/open/findings", response_model=list[FindingOut])
def open_findings(database: Database) -> list[FindingOut]:
    """Without looking who asks, which the contract does not allow."""
    rows = database.scalars(select(Finding).order_by(Finding.code)).all()
    return [
        FindingOut(
            id=row.code, name=row.name, group=row.group, question=row.question, help=row.help,
            fact=row.fact or None, excludes=row.excludes, implies=row.implies,
        )
        for row in rows
    ]  # fmt: skip


app = FastAPI()
for router in (orm, core, noted):
    app.include_router(router)
