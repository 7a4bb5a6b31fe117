"""While a new version is rolled out, the old one still works on the new schema: what migrations after the
first release must not do.

The rule: add in one release, use it in the same, take away in the next but one. A column that goes is
first no longer read or written, for a whole release; a name that changes is a new column beside the old.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.db import migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState
from django.db.models import NOT_PROVIDED

pytestmark = pytest.mark.one_database
OURS = ("accounts", "consultations", "medications", "triage")
# Only a first migration may do as it likes: nothing ran before it.
FIRST = "0001_"

# What was decided otherwise, with the reason; "app.migration: finding".
ALLOWED: dict[str, str] = {}

_NEVER = (
    migrations.DeleteModel,
    migrations.RenameModel,
    migrations.RenameField,
    migrations.RemoveField,
    migrations.AlterModelTable,
)


def insertable(field: Any) -> bool:
    """Whether a program that does not know the column can still insert rows."""
    if field.many_to_many or getattr(field, "generated", False):
        return True
    return bool(field.null) or field.db_default is not NOT_PROVIDED


def findings(operation: Any, state: ProjectState, app: str) -> Iterator[str]:
    """What the version before would fail on after `operation`; `state` is the one before it."""
    if isinstance(operation, _NEVER):
        yield f"{type(operation).__name__} {operation.describe()}"
    elif isinstance(operation, migrations.AddField):
        if not insertable(operation.field):
            yield (
                f"AddField {operation.model_name}.{operation.name} is NOT NULL without db_default: the"
                " version before cannot insert rows any more"
            )
    elif isinstance(operation, migrations.AlterField):
        before = state.models[app, operation.model_name_lower].fields[operation.name]
        yield from _narrowed(operation, before)
    elif isinstance(operation, migrations.SeparateDatabaseAndState):
        for inner in operation.database_operations:
            yield from findings(inner, state, app)


def _narrowed(operation: Any, before: Any) -> Iterator[str]:
    after, name = operation.field, f"AlterField {operation.model_name}.{operation.name}"
    if before.null and not after.null:
        yield f"{name} becomes NOT NULL: the version before still writes NULL"
    types = before.get_internal_type(), after.get_internal_type()
    if types[0] != types[1]:
        yield f"{name} changes its type from {types[0]} to {types[1]}"
    if before.max_length and after.max_length and after.max_length < before.max_length:
        yield f"{name} becomes shorter: the version before still writes {before.max_length} characters"
    if before.db_column != after.db_column:
        yield f"{name} changes its column"
    if after.unique and not before.unique:
        yield f"{name} becomes unique: the version before may write doubles"


def all_findings() -> list[str]:
    loader = MigrationLoader(None)
    found = []
    for app in OURS:
        for key in sorted(key for key in loader.disk_migrations if key[0] == app):
            if key[1].startswith(FIRST):
                continue
            migration = loader.disk_migrations[key]
            state = loader.project_state([parent.key for parent in loader.graph.node_map[key].parents])
            new = {
                each.name_lower for each in migration.operations if isinstance(each, migrations.CreateModel)
            }
            for operation in migration.operations:
                if getattr(operation, "model_name_lower", getattr(operation, "name_lower", "")) in new:
                    operation.state_forwards(app, state)
                    continue  # a table that the version before does not know
                found += [f"{app}.{key[1]}: {what}" for what in findings(operation, state, app)]
                operation.state_forwards(app, state)
    return found


def test_the_version_before_works_on_every_new_schema() -> None:
    found = [what for what in all_findings() if what not in ALLOWED]
    assert found == [], "\n".join(found)


def test_what_is_allowed_still_exists() -> None:
    assert set(ALLOWED) <= set(all_findings())


class _Sample:
    """A model state to alter."""

    def __init__(self) -> None:
        self.state = ProjectState()
        name = models.CharField(max_length=9, null=True)
        operation = migrations.CreateModel(
            "Case", [("id", models.AutoField(primary_key=True)), ("name", name)]
        )
        operation.state_forwards("consultations", self.state)

    def said(self, operation: Any) -> list[str]:
        return list(findings(operation, self.state, "consultations"))


@pytest.mark.parametrize(
    ("operation", "words"),
    [
        (migrations.RemoveField("case", "name"), "RemoveField"),
        (migrations.RenameField("case", "name", "title"), "RenameField"),
        (migrations.DeleteModel("Case"), "DeleteModel"),
        (
            migrations.AddField("case", "new", models.CharField(max_length=3, default="")),
            "without db_default",
        ),
        (migrations.AlterField("case", "name", models.CharField(max_length=9)), "becomes NOT NULL"),
        (migrations.AlterField("case", "name", models.CharField(max_length=4, null=True)), "becomes shorter"),
        (migrations.AlterField("case", "name", models.IntegerField(null=True)), "changes its type"),
    ],
)
def test_what_breaks_the_version_before_is_found(operation: Any, words: str) -> None:
    (said,) = _Sample().said(operation)
    assert words in said


@pytest.mark.parametrize(
    "operation",
    [
        migrations.AddField("case", "new", models.CharField(max_length=3, db_default="")),
        migrations.AddField("case", "new", models.IntegerField(null=True)),
        migrations.AlterField("case", "name", models.CharField(max_length=20, null=True)),
    ],
)
def test_what_it_does_not_notice_is_not(operation: Any) -> None:
    assert _Sample().said(operation) == []


def test_every_app_of_ours_is_looked_at() -> None:
    with_migrations = {config.label for config in apps.get_app_configs() if config.label in OURS}
    assert with_migrations == set(OURS)
