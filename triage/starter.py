"""The starter content of `triage/data/`, as values for the models. Pure reading and renaming."""

import json
import re
from collections.abc import Mapping
from importlib import resources
from typing import Any

from triage.engine.jsonlogic import from_jsonlogic

Row = dict[str, Any]
_OPS = {">=": "gte", "<": "lt", "contains_any": "contains_any"}
_STATE = "starter_unreviewed"


def read(name: str) -> Any:
    """A file of the starter content."""
    text = resources.files("triage").joinpath(f"data/{name}.json").read_text(encoding="utf-8")
    return json.loads(text)


def _provenance(item: Mapping[str, Any], code: str) -> Row:
    return {
        "code": code,
        "confidence": item.get("confidence", "unverified"),
        "unverified_fields": item.get("unverified_fields", []),
        "sources": item.get("sources", []),
        "content_state": _STATE,
    }


def conditions() -> list[Row]:
    serious = set(read("condition_findings")["meta"]["evaluation"]["serious"])
    return [_condition(item, serious) for item in read("conditions")["items"]]


def _condition(item: Mapping[str, Any], serious: set[str]) -> Row:
    same = (
        "name", "synonyms", "icd10", "icd11_confidence", "category", "contagious",
        "pharmacy_manageable", "default_triage", "key_features", "look_alikes", "red_flags", "self_care",
    )  # fmt: skip
    notifiable = item["notifiable_in_ghana"]
    return {
        **_provenance(item, item["id"]),
        **{name: item[name] for name in same},
        "icd11": item["icd11"] or "",
        "notifiable": notifiable["value"],
        "notifiable_source": notifiable["source"],
        "notifiable_confidence": notifiable["confidence"],
        "serious": item["id"] in serious,
        "default_triage_note": item.get("default_triage_note", ""),
    }


def findings() -> list[Row]:
    return [_finding(item) for item in read("findings")["items"]]


def _finding(item: Mapping[str, Any]) -> Row:
    when = item.get("ask_when", {})
    test = item.get("fact_test")
    same = ("group", "question", "help", "background", "cluster", "excludes", "implies")
    return {
        **_provenance(item, item["id"]),
        **{name: item[name] for name in same},
        "name": item["id"].replace("_", " ").capitalize(),
        "asked": item["ask"],
        "ask_age_min": when.get("age_months_min"),
        "ask_age_max": when.get("age_months_max"),
        "fact": item.get("fact", ""),
        "fact_test": test and {"fact": item["fact"], "op": _OPS[test["op"]], "value": test["value"]},
    }


def profiles() -> list[Row]:
    """`condition` is the condition's code here."""
    return [
        {
            **_provenance(item, item["condition"]),
            "condition": item["condition"],
            **{f"prior_{band}": value for band, value in item["priors"].items()},
            "priors_confidence": item["priors_confidence"],
            "findings": item["findings"],
            "evidence": item["evidence"],
            "note": item.get("note", ""),
        }
        for item in read("condition_findings")["items"]
    ]


def scoring() -> list[Row]:
    meta = read("condition_findings")["meta"]
    rules, other = meta["evaluation"], meta["other_hypothesis"]
    return [
        {
            **_provenance(other, "default"),
            **meta["frequencies"],
            "rho": rules["rho"],
            "site_rho": rules["site_rho"],
            "answer_reliability": rules["answer_reliability"]["recommended"],
            **rules["bands"],
            **{f"prior_{band}": value for band, value in other["priors"].items()},
        }
    ]


def safety_questions() -> list[Row]:
    meta = read("findings")["meta"]["ask_first"]
    return [
        {
            **_provenance({}, f"safety-{number:02d}"),
            "unverified_fields": [meta["confidence"].removeprefix("unverified: ")],
            "position": number * 10,
            "if_present": rule["if_present"],
            "if_absent": rule.get("if_absent", []),
            "ask": rule["ask"],
        }
        for number, rule in enumerate(meta["rules"], start=1)
    ]


def guidelines() -> list[Row]:
    return [_guideline(item) for item in read("triage")["items"]]


def _guideline(item: Mapping[str, Any]) -> Row:
    same = ("title", "level", "priority", "timeframe", "rationale")
    unless = item["unless"]
    return {
        **_provenance(item, item["id"]),
        **{name: item[name] for name in same},
        "when": from_jsonlogic(item["when"], path=f"{item['id']}.when"),
        "unless": from_jsonlogic(unless, path=f"{item['id']}.unless") if unless else None,
        "advice": item["advice_to_patient"],
        "notify": item["notify"] or "",
        "match_case": item["test_cases"]["match"],
        "no_match_case": item["test_cases"]["no_match"],
    }


def vignettes() -> list[Row]:
    return [_triage_case(item) for item in read("triage_vignettes")["items"]] + _differential_cases()


def _triage_case(item: Mapping[str, Any]) -> Row:
    return {
        **_provenance(item, item["id"]),
        "kind": "triage",
        "description": item["vignette"],
        "facts": item["facts"],
        "expected_level": item["expected_level"],
        "expected_rules": item["expected_rules"],
        "basis": item["basis"],
        "written": item["written"],
    }


def _differential_cases() -> list[Row]:
    content = read("differential_vignettes")
    shortfalls: dict[str, list[str]] = {}
    for sentence in content["meta"]["known_shortfalls"]:
        for code in re.findall(r"\bd\d\d\b", sentence):
            shortfalls.setdefault(code, []).append(sentence)
    return [
        {
            **_provenance(item, item["id"]),
            "kind": "differential",
            "description": item["basis"],
            "facts": {"age_months": item["age_months"], "sex": item["sex"]},
            "findings_present": item["findings_present"],
            "findings_absent": item["findings_absent"],
            "expected_first": item["expected_top1"] or "",
            "acceptable": item["acceptable_top3"],
            "must_not_miss": item["must_not_miss"],
            "expected_abstain": item["expected_abstain"],
            "known_shortfall": "; ".join(shortfalls.get(item["id"], [])),
            "written": "before the first run",
        }
        for item in content["items"]
    ]
