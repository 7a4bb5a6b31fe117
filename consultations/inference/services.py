"""Installing image models, letting them run in shadow and activating them."""

from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.audit import Action
from accounts.policy import Permission, require
from consultations.inference.limits import DEFAULT_LIMITS, Limits
from consultations.inference.manifest_reader import parse_manifest
from consultations.inference.package import Package, check_conditions, load_package
from consultations.inference.source import Source
from consultations.inference.states import NOT_RETIRED, move, recorded, require_another
from consultations.models.modelversion import ModelState, ModelVersion
from consultations.services import storage
from dermatech.core.errors import Conflict
from triage.selectors import current_knowledge

if TYPE_CHECKING:
    from accounts.models import User

_CAN_BE_ACTIVATED = (ModelState.DRAFT, ModelState.SHADOW, ModelState.RETIRED)
_CAN_RUN_IN_SHADOW = (ModelState.DRAFT, ModelState.RETIRED)


def known_conditions() -> frozenset[str]:
    """The conditions of the published guidelines, which a label may point to. Raises Unavailable
    where no guidelines are published."""
    _, knowledge = current_knowledge()
    return frozenset(knowledge.conditions)


def install_model(*, actor: "User | None", path: Source, limits: Limits = DEFAULT_LIMITS) -> ModelVersion:
    """Check the package at `path` and keep it as a draft. Raises PackageRefused for the package,
    Conflict where this name and version is there already, Forbidden for the actor."""
    if actor is not None:
        require(actor, Permission.MODEL_MANAGE)
    return keep_package(
        actor=actor, package=load_package(path, known_conditions=known_conditions(), limits=limits)
    )


def keep_package(*, actor: "User | None", package: Package) -> ModelVersion:
    """Store a package that passed its checks, and its row. Raises as `install_model`."""
    if actor is not None:
        require(actor, Permission.MODEL_MANAGE)
    manifest = package.manifest
    refuse_repeated(manifest.name, manifest.version)
    key = storage.write(f"models/{manifest.sha256}.onnx", package.model)
    version = ModelVersion(
        name=manifest.name,
        version=manifest.version,
        sha256=manifest.sha256,
        size_bytes=len(package.model),
        storage_key=key,
        manifest=dict(manifest.raw),
        checks=[check.as_dict() for check in package.checks],
        installed_by=actor,
    )
    try:
        with transaction.atomic():
            version.save(force_insert=True)
            recorded(actor, Action.MODEL_INSTALLED, version)
    except IntegrityError:
        storage.discard([key])
        refuse_repeated(manifest.name, manifest.version)
        raise
    return version


def refuse_repeated(name: str, version: str) -> None:
    """Raise Conflict where this name and version is installed already."""
    if ModelVersion.objects.filter(name=name, version=version).exists():
        raise Conflict(
            f"{name} {version} is installed already; a changed model needs a new version.",
            code="model_exists",
        )


def activate_model(*, actor: "User | None", version: ModelVersion) -> ModelVersion:
    """Put a model in force; the one before it is retired in the same transaction.

    In production another person than the one who installed it has to do this. Raises Forbidden,
    Conflict `model_state` for a model that is active already, PackageRefused where its labels point to
    conditions that are published no more.
    """
    if actor is not None:
        require(actor, Permission.MODEL_MANAGE)
    require_another(
        actor,
        version.installed_by_id,
        "Another person than the one who installed the model has to activate it.",
    )
    if version.review_waits:
        raise Conflict(
            "It was stopped in an emergency; that is reviewed before it is active again.",
            code="stop_not_reviewed",
        )
    check_conditions(parse_manifest(version.manifest, DEFAULT_LIMITS), known_conditions())
    try:
        _replace_active(actor, version)
    except IntegrityError:  # of two people who press at the same moment the database lets one through
        raise Conflict("Another model was activated at the same moment.", code="model_state") from None
    return version


def shadow_model(*, actor: "User | None", version: ModelVersion) -> ModelVersion:
    """Let a model read photos silently after their answers are given; it decides nothing, so one person
    is enough. Raises Forbidden, Conflict `model_state` for one in force or in shadow already or where
    another one is in shadow, PackageRefused where its labels point to conditions that are published no more.
    """
    if actor is not None:
        require(actor, Permission.MODEL_MANAGE)
    check_conditions(parse_manifest(version.manifest, DEFAULT_LIMITS), known_conditions())
    try:
        with transaction.atomic():
            move(version, _CAN_RUN_IN_SHADOW, state=ModelState.SHADOW, retired_at=None)
            recorded(actor, Action.MODEL_SHADOWED, version)
    except IntegrityError:
        raise Conflict(
            "Another model runs in shadow; activate or retire that one first.", code="model_state"
        ) from None
    return version


def _replace_active(actor: "User | None", version: ModelVersion) -> None:
    now = timezone.now()
    with transaction.atomic():
        in_force = ModelVersion.objects.select_for_update().filter(state=ModelState.ACTIVE)
        for other in in_force.exclude(pk=version.pk):
            move(other, (ModelState.ACTIVE,), state=ModelState.RETIRED, retired_at=now, retired_by=actor)
            recorded(actor, Action.MODEL_RETIRED, other, replaced_by=str(version.pk))
        move(
            version,
            _CAN_BE_ACTIVATED,
            state=ModelState.ACTIVE,
            activated_at=now,
            activated_by=actor,
            **NOT_RETIRED,
        )
        recorded(actor, Action.MODEL_ACTIVATED, version)
