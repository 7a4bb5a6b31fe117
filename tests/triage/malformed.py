"""More than 200 rules and imports that nobody may bring in, each with the place that must be named."""

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

from triage.engine.criteria import OPS_OF, Op
from triage.engine.vocabulary import FACTS, Kind

FEVER = {"fact": "fever", "op": "eq", "value": True}
Case = tuple[str, Any, str]  # what it is, the thing itself, the place


def rules() -> Iterator[Case]:
    """Criteria under the path `when`."""
    yield from _operators()
    yield from _values()
    yield from _shapes()
    yield from _nested()


def _operators() -> Iterator[Case]:
    for name, fact in FACTS.items():
        forbidden = next(op for op in Op if op not in OPS_OF[fact.kind])
        yield f"{name} with {forbidden}", {"fact": name, "op": str(forbidden), "value": 1}, "when.op"
    strange: list[Any] = ["==", "===", "", "EQ", "regex", "between", None, 1, ["eq"], {}]
    for op in strange:
        yield f"operator {op!r}", {"fact": "fever", "op": op, "value": True}, "when.op"


def _values() -> Iterator[Case]:
    wrong: dict[Kind, list[Any]] = {
        Kind.BOOLEAN: ["yes"],
        Kind.INTEGER: ["3"],
        Kind.NUMBER: [float("nan")],
        Kind.CHOICE: ["unicorn"],
        Kind.CONDITION: [7],
    }
    for name, fact in FACTS.items():
        for value in wrong.get(fact.kind, []):
            yield f"{name} is {value!r}", {"fact": name, "op": "eq", "value": value}, "when.value"
    for value in (None, 1, 0, "true", [], {}, [True]):
        yield f"fever is {value!r}", {"fact": "fever", "op": "eq", "value": value}, "when.value"
    for value in (True, None, "36", [36], float("inf"), -1, 10**9, {"c": 36}):
        yield f"temperature {value!r}", {"fact": "temperature_c", "op": "gte", "value": value}, "when.value"
    for value in ("trunk", [], None, {}, ["trunk"] * 2, ["trunk"] * 300):
        yield f"sites {str(value)[:20]}", _sites("contains_any", value), "when.value"
    for value in (["trunk", "moon"], ["trunk", None], ["trunk", ["face"]]):
        yield f"sites {value!r}", _sites("contains_any", value), "when.value[1]"
    yield "unicorn", {"fact": "condition", "op": "eq", "value": "unicorn"}, "when.value"
    yield "unicorns", {"fact": "condition", "op": "in", "value": ["scabies", "unicorn"]}, "when.value[1]"
    yield "no value", {"fact": "fever", "op": "eq"}, "when.value"
    yield "a value too much", {"fact": "fever", "op": "is_unknown", "value": True}, "when.value"


def _sites(op: str, value: Any) -> dict[str, Any]:
    return {"fact": "body_sites", "op": op, "value": value}


def _shapes() -> Iterator[Case]:
    senseless: list[Any] = [None, True, 0, 1.5, "fever", [], [FEVER], {}, {"all": [FEVER], "any": [FEVER]}]
    for raw in senseless:
        yield f"criteria {raw!r}"[:60], raw, "when"
    unknown: list[Any] = ["and", "or", "ALL", "if", 1, ""]
    for key in unknown:
        yield f"{key!r} of things", {key: [FEVER]}, "when"
    no_list: list[Any] = [None, {}, [], "fever", 3, FEVER]
    for inside in no_list:
        for key in ("all", "any"):
            yield f"{key} of {inside!r}"[:60], {key: inside}, f"when.{key}"
    no_object: list[Any] = [None, [], "fever", 3, [FEVER]]
    for inside in no_object:
        yield f"not of {inside!r}"[:60], {"not": inside}, "when.not"
    no_fact: list[Any] = ["fevr", "", None, 3, ["fever"], {}, "condition ", "FEVER", "__class__", "fever.x"]
    for name in no_fact:
        yield f"fact {name!r}", {"fact": name, "op": "eq", "value": True}, "when.fact"
    yield "an extra field", {**FEVER, "weight": 3}, "when"
    yield "too wide", {"any": [FEVER] * 1000}, "when.any[399]"
    yield (
        "far inside",
        {"all": [FEVER, {"any": [FEVER, {"not": {"fact": "x"}}]}]},
        "when.all[1].any[1].not.fact",
    )


def _nested() -> Iterator[Case]:
    for key, step in (("not", ".not"), ("all", ".all[0]"), ("any", ".any[0]")):
        for depth in (13, 1000, 100_000):
            raw: Any = FEVER
            for _ in range(depth):
                raw = {key: raw if key == "not" else [raw]}
            yield f"{depth:,} times {key}", raw, f"when{step * 12}"
    endless: dict[str, Any] = {"all": []}
    endless["all"].append(endless)
    yield "a rule inside itself", endless, f"when{'.all[0]' * 12}"


# --- Imports ----------------------------------------------------------------------------------------
def document(**tables: Any) -> bytes:
    return json.dumps({"format": "dermatech-guidelines", "version": 1, "tables": tables}).encode()


def rule(**changes: Any) -> dict[str, Any]:
    """A new rule that nothing is wrong with, and what is changed of it."""
    return {
        "code": "rr-new", "title": "New", "level": "refer_routine", "priority": 60,
        "timeframe": "within 2 weeks", "when": FEVER, "unless": None, "rationale": "Because.",
        "advice": "See a clinic within 2 weeks.", "sources": [{"id": "gstg2017"}], **changes,
    }  # fmt: skip


def documents() -> Iterator[Case]:
    """Documents that cannot even be read."""
    deep = "[" * 1000 + "]" * 1000
    head = '{"format": "dermatech-guidelines", "version": 1, "tables": {"guidelines": [{"code": "a", "when": '
    yield "1,000 deep", deep.encode(), "line 1, column 41"
    yield "100,000 deep", b"[" * 100_000, "line 1, column 41"
    yield (
        "a rule 1,000 deep",
        (head + '{"not": ' * 1000 + "1" + "}" * 1000 + "}]}}").encode(),
        "line 1, column",
    )
    yield "10 MB", b" " * 10_000_000, "file"
    yield "nothing", b"", "line 1, column 1"
    yield "half of it", document(guidelines=[rule()])[:-20], "line 1"
    yield "no UTF-8", b'{"a": "\xff"}', "document"
    yield "not a number", b'{"a": NaN}', "document"
    yield "infinity", b'{"a": -Infinity}', "document"
    yield "a number of 10,000 digits", b"[" + b"9" * 10_000 + b"]", "document"
    yield "a list", b"[]", "document"
    yield "a text", b'"x"', "document"
    yield "another format", b'{"format": "x", "version": 1, "tables": {}}', "format"
    yield "another version", b'{"format": "dermatech-guidelines", "version": 2, "tables": {}}', "format"
    yield "no tables", document(), "tables"
    yield "a field too much", document(guidelines=[])[:-1] + b', "more": 1}', "more"
    yield "the same key twice", (head + '1, "when": 2}]}}').encode(), "a.when"
    yield "an unknown table", document(unicorns=[]), "tables.unicorns"
    yield "a table that is no list", document(guidelines={}), "tables.guidelines"
    yield "too many rows", document(guidelines=[{"code": "a"}] * 5001), "tables.guidelines"
    no_rows: list[Any] = [None, 1, "x", [], {}, {"code": None}, {"code": 3}, {"code": ""}]
    for row in no_rows:
        yield f"row {row!r}", document(guidelines=[rule(), row]), "tables.guidelines[1].code"
    yield "one id twice", document(guidelines=[rule(), rule()]), "guidelines.rr-new"


def sheets() -> Iterator[tuple[str, str, bytes, str]]:
    """(what, format, content, place) of tables that cannot be read."""
    yield "no workbook", "xlsx", b"PK\x03\x04 and nothing more", "file"
    yield "a picture", "xlsx", b"\x89PNG", "file"
    yield "an archive of something else", "xlsx", _archive({"a.txt": b"x"}), "file"
    yield "a bomb", "xlsx", _archive({"xl/worksheets/sheet1.xml": b"0" * 60_000_000}), "file"
    yield "a formula", "xlsx", _workbook([["code", "title"], ["x", "=1+1"]]), "B2"
    yield "no heading", "csv", b"", "row 1"
    yield "a column twice", "csv", b"code,code\na,b\n", "row 1, column code"
    yield "an unknown column", "csv", b"code,colour\na,b\n", "row 2, column colour"
    yield "more cells than columns", "csv", b"code\na,b\n", "row 2"
    yield "no code", "csv", b"code,title\n,b\n", "tables.guidelines[0].code"
    yield "no UTF-8", "csv", b"code\n\xff\n", "file"
    yield "a quote that is never closed", "csv", b'code,title\na,"b\n', "line"
    yield "no JSON in a cell", "csv", b"code,when\na,fever\n", "row 2, column when"
    yield "deep JSON in a cell", "csv", b"code,when\na," + b"[" * 1000 + b"\n", "row 2, column when"
    yield "one id twice", "csv", b"code\na\na\n", "guidelines.a"
    yield "10 MB", "csv", b"code\n" + b"a" * 10_000_000, "file"


def _archive(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    return out.getvalue()


def _workbook(rows: list[list[str]]) -> bytes:
    from openpyxl import Workbook

    book, out = Workbook(), io.BytesIO()
    for row in rows:
        book.active.append(row)
    book.save(out)
    return out.getvalue()


def rows() -> Iterator[Case]:
    """Documents that can be read, with rows that do not fit."""
    wrong: dict[str, Any] = {
        "title": 3, "level": "dire", "priority": "high", "timeframe": None, "when": {"fact": "fevr"},
        "unless": [], "rationale": {}, "advice": [], "sources": "GSTG", "confidence": "sure",
        "unverified_fields": {}, "match_case": [], "colour": "red", "content_state": "reviewed", "id": "x",
    }  # fmt: skip
    for name, value in wrong.items():
        place = "guidelines.rr-new.when.fact" if name == "when" else f"guidelines.rr-new.{name}"
        yield f"{name} is {value!r}", document(guidelines=[rule(**{name: value})]), place
    for value in (0, 1000, -1, 1.5, True, 10**12):
        yield f"priority {value}", document(guidelines=[rule(priority=value)]), "guidelines.rr-new.priority"
    for code in ("Upper", "with space", "x" * 81, "../etc", "a\x00b", "ümlaut"):
        yield f"code {code[:12]!r}", document(guidelines=[rule(code=code)]), f"guidelines.{code[:80]}.code"
    for raw, place in (
        ({"all": [FEVER, {**FEVER, "op": "gt"}]}, ".all[1].op"),
        ({"any": [{"not": {"fact": "age_months", "op": "lt", "value": "3"}}]}, ".any[0].not.value"),
        ({"not": {"not": {"not": 5}}}, ".not.not.not"),
    ):
        yield f"when{place}", document(guidelines=[rule(when=raw)]), f"guidelines.rr-new.when{place}"
    unicorn = {"fact": "condition", "op": "eq", "value": "unicorn"}
    yield "unicorn", document(guidelines=[rule(when=unicorn)]), "guidelines.rr-new.when.value"
    yield from _references()


def _references() -> Iterator[Case]:
    finding = "findings.itchy"
    yield "an unknown finding", document(findings=[{"code": "itchy", "implies": ["x"]}]), f"{finding}.implies"
    yield "an unknown fact", document(findings=[{"code": "itchy", "fact": "itch"}]), f"{finding}.fact"
    yield "itself", document(findings=[{"code": "itchy", "implies": ["itchy"]}]), f"{finding}.implies"
    round_trip = [{"code": "itchy", "implies": ["scaly"]}, {"code": "scaly", "implies": ["itchy"]}]
    yield "in a circle", document(findings=round_trip), f"{finding}.implies"
    both = {"code": "itchy", "implies": ["scaly"], "excludes": ["scaly"]}
    yield "what it excludes", document(findings=[both]), f"{finding}.implies"
    yield (
        "an unknown look-alike",
        document(conditions=[{"code": "scabies", "look_alikes": ["x"]}]),
        ("conditions.scabies.look_alikes"),
    )
    profile = {"code": "scabies", "findings": {"itchy": "daily"}}
    yield "an unknown frequency", document(profiles=[profile]), "profiles.scabies.findings.itchy"
    yield "no such condition", document(profiles=[{"code": "unicorn"}]), "profiles.unicorn.code"
    yield (
        "an unknown rule",
        document(vignettes=[{"code": "v01", "expected_rules": ["x"]}]),
        ("vignettes.v01.expected_rules"),
    )
    yield (
        "a prior of minus one",
        document(profiles=[{"code": "scabies", "prior_adult": -1}]),
        ("profiles.scabies.prior_adult"),
    )
    yield "a probability of two", document(scoring=[{"code": "default", "often": 2}]), "scoring.default.often"
