"""Each way in which a package can be broken is refused with its own code and a sentence that says so."""

import json
import os
import struct
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import StringStringEntryProto, TensorProto, helper

from consultations.inference.errors import PackageRefused
from consultations.inference.limits import DEFAULT_LIMITS
from consultations.inference.package import examine, load_package
from tests.consultations.inference import build

Refusal = Callable[..., PackageRefused]


def refused(source: Path) -> PackageRefused:
    with pytest.raises(PackageRefused) as caught:
        load_package(source, known_conditions=build.KNOWN)
    return caught.value


# --- The files -----------------------------------------------------------------------------------
def test_a_package_that_is_not_there(tmp_path: Path) -> None:
    assert refused(tmp_path / "nowhere").code == "package_not_found"


def test_a_folder_without_a_model(package: Path) -> None:
    (package / "model.onnx").unlink()
    assert refused(package).code == "model_missing"


def test_a_folder_without_a_manifest(package: Path) -> None:
    (package / "manifest.json").unlink()
    assert refused(package).code == "manifest_missing"


def test_a_model_file_that_is_too_large_is_refused_before_it_is_read(package: Path) -> None:
    with (package / "model.onnx").open("r+b") as file:
        file.truncate(500_000_000)  # sparse: nothing is written
    answer = refused(package)
    assert answer.code == "model_too_large"
    assert "500,000,000" in answer.detail


def test_a_manifest_that_is_too_large(package: Path) -> None:
    (package / "manifest.json").write_text(" " * 2_000_001)
    assert refused(package).code == "manifest_too_large"


def test_a_link_that_leads_out_of_the_package(package: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes((package / "model.onnx").read_bytes())
    (package / "model.onnx").unlink()
    (package / "model.onnx").symlink_to(secret)
    assert refused(package).code == "package_unsafe_file"


def test_a_pipe_in_place_of_the_model_does_not_hang_the_check(package: Path) -> None:
    (package / "model.onnx").unlink()
    os.mkfifo(package / "model.onnx")
    assert refused(package).code == "package_unsafe_file"


def test_a_file_that_is_no_archive(tmp_path: Path) -> None:
    (tmp_path / "package.zip").write_bytes(b"not an archive at all")
    assert refused(tmp_path / "package.zip").code == "package_unreadable"


def test_an_archive_beyond_all_measure_is_refused_unopened(tmp_path: Path) -> None:
    with (tmp_path / "package.zip").open("wb") as file:
        file.truncate(500_000_000)
    assert refused(tmp_path / "package.zip").code == "package_too_large"


def test_an_archive_that_writes_outside_itself(package: Path, tmp_path: Path) -> None:
    archive = build.zipped(package, tmp_path / "package.zip", under="../../")
    assert refused(archive).code == "package_unsafe_path"


def test_an_archive_that_holds_the_model_twice(package: Path, tmp_path: Path) -> None:
    archive = build.zipped(package, tmp_path / "package.zip")
    with zipfile.ZipFile(archive, "a") as more:
        more.writestr("inner/model.onnx", b"another")
    assert refused(archive).code == "package_ambiguous"


def test_an_archive_that_lies_about_the_size_of_what_it_holds(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.onnx", bytes(65_000_000))
        archive.writestr("manifest.json", "{}")
    raw = bytearray(bomb.read_bytes())
    directory = raw.index(b"PK\x01\x02")
    raw[directory + 24 : directory + 28] = struct.pack("<I", 1000)  # the declared size
    bomb.write_bytes(raw)
    assert refused(bomb).code in {"model_too_large", "package_unreadable"}
    assert bomb.stat().st_size < 1_000_000


# --- The manifest --------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"card": ...}, "card_missing"),
        ({"card": "   "}, "card_missing"),
        ({"card": "Intended use: all. Limitations: none."}, "card_incomplete"),
        ({"card": build.CARD.replace("Limitations", "Praise")}, "card_incomplete"),
        ({"licence": ...}, "licence_missing"),
        ({"training": {"data": [{"name": "photos", "source": "a hospital"}]}}, "licence_missing"),
        ({"training": ...}, "training_missing"),
        ({"metrics": ...}, "metrics_missing"),
        ({"scope": ...}, "scope_missing"),
        ({"scope": ["face"]}, "scope_unknown"),
        ({"sha256": ...}, "hash_missing"),
        ({"sha256": "abc"}, "manifest_field_invalid"),
        ({"sha256": "0" * 64}, "hash_mismatch"),
        ({"format": 2}, "manifest_format"),
        ({"name": "../escape"}, "manifest_field_invalid"),
        ({"version": ...}, "manifest_field_missing"),
        ({"colour": "blue"}, "manifest_field_unknown"),
        ({"calibration": {"temperature": 0}}, "manifest_field_invalid"),
        ({"labels": []}, "manifest_field_invalid"),
        ({"labels": [build.LABELS[0], build.LABELS[0], build.LABELS[1]]}, "label_repeated"),
        ({"labels": [{**row, "prior": 0.9} for row in build.LABELS]}, "manifest_field_invalid"),
        ({"labels": [{**build.LABELS[0], "condition": "x"}, *build.LABELS[1:]]}, "label_unknown_condition"),
        ({"golden": []}, "golden_missing"),
        ({"golden": ...}, "golden_missing"),
        ({"golden": [build.golden("red", build.RED)]}, "manifest_field_invalid"),
        ({"golden": [build.golden("a", build.RED, image="§")] * 2}, "manifest_field_invalid"),
        ({"golden": [build.golden("a", build.RED, tolerance=0.9)] * 2}, "manifest_field_invalid"),
        ({"golden": [build.golden("a", build.RED, expected={"MEL": 1.0})] * 2}, "manifest_field_invalid"),
        (
            {"thresholds": {"suspicious": 0.2, "cautious": 0.5, "validated_skin_tones": []}},
            "threshold_not_cautious",
        ),
        (
            {"thresholds": {"suspicious": 0.2, "cautious": 0.1, "validated_skin_tones": ["green"]}},
            "manifest_field_invalid",
        ),
        ({"clinical_use": True}, "clinical_use_unproven"),
        ({"clinical_use": "no"}, "manifest_field_invalid"),
        ({"output": {"scores": "s", "activation": "softmax", "features": "f"}}, "manifest_field_invalid"),
        ({"output": {"scores": "scores", "activation": "argmax"}}, "manifest_field_invalid"),
        (
            {"metrics": {"dataset": "d", "n": 1, "overall": {"auc": "good"}, "subgroups": []}},
            "manifest_field_invalid",
        ),
    ],
)  # fmt: skip
def test_a_manifest_that_is_incomplete_or_wrong(refusal: Refusal, changes: dict[str, Any], code: str) -> None:
    answer = refusal(**changes)
    assert answer.code == code
    assert answer.status == 422
    assert answer.detail.endswith(".")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"format": NaN}',
        "[" * 100_000,
        '{"format": 1e999}',
        '{"format": 1' + "0" * 5_000 + "}",
    ],
)
def test_a_manifest_that_is_no_json_object(package: Path, text: str) -> None:
    (package / "manifest.json").write_text(text)
    assert refused(package).code in {"manifest_not_json", "manifest_field_invalid"}


# --- The model file, read but not run --------------------------------------------------------------
@pytest.mark.parametrize("content", [b"", b"not a model", b"\x0a\xff\xff\xff\xff\xff", b"\x08\x09"])
def test_bytes_that_are_no_onnx_model(refusal: Refusal, content: bytes) -> None:
    assert refusal(content).code == "model_unreadable"


def test_a_model_cut_off_in_the_middle(refusal: Refusal) -> None:
    whole = build.redness_model().SerializeToString()
    assert refusal(whole[: len(whole) // 2]).code in {"model_unreadable", "model_outputs_missing"}


@pytest.mark.parametrize("location", ["../../../../etc/passwd", "/etc/passwd", "weights.bin"])
def test_weights_in_another_file(refusal: Refusal, location: str) -> None:
    model = build.redness_model()
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.append(StringStringEntryProto(key="location", value=location))
    answer = refusal(model)
    assert answer.code == "model_external_data"
    assert location in answer.detail


def test_weights_in_another_file_hidden_in_an_attribute(refusal: Refusal) -> None:
    hidden = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[1], data_location=TensorProto.EXTERNAL)
    hidden.external_data.append(StringStringEntryProto(key="location", value="../x"))
    model = build.redness_model(extra=[helper.make_node("Constant", [], ["unused"], value=hidden)])
    assert refusal(model).code == "model_external_data"


def test_an_operator_of_a_foreign_domain(refusal: Refusal) -> None:
    node = helper.make_node("Phone", ["image"], ["home"], domain="evil.example")
    answer = refusal(build.redness_model(extra=[node]))
    assert answer.code == "model_operator_unknown"
    assert "evil.example::Phone" in answer.detail


def test_an_operator_that_gives_other_answers_each_time(refusal: Refusal) -> None:
    node = helper.make_node("RandomNormal", [], ["noise"], shape=[1])
    answer = refusal(build.redness_model(extra=[node]))
    assert (answer.code, "RandomNormal" in answer.detail) == ("model_operator_unknown", True)


def test_a_loop_is_refused_as_control_flow(refusal: Refusal) -> None:
    answer = refusal(build.endless_model(), **build.scores_only())
    assert (answer.code, "Loop" in answer.detail) == ("model_control_flow", True)


@pytest.mark.parametrize("opset", [9, 28])
def test_an_opset_that_is_not_supported(refusal: Refusal, opset: int) -> None:
    assert refusal(build.redness_model(opset=opset)).code == "model_opset_unsupported"


def test_a_model_with_functions_of_its_own(refusal: Refusal) -> None:
    model = build.redness_model()
    body = [helper.make_node("Relu", ["a"], ["b"])]
    model.functions.append(
        helper.make_function("own", "f", ["a"], ["b"], body, [helper.make_opsetid("", 17)])
    )
    assert refusal(model).code == "model_functions"


def test_a_model_that_is_still_training(refusal: Refusal) -> None:
    model = build.redness_model()
    model.training_info.add()
    assert refusal(model).code == "model_training_graph"


def test_a_model_with_too_many_operators(refusal: Refusal) -> None:
    assert refusal(limits=replace(DEFAULT_LIMITS, nodes=3)).code == "model_too_many_nodes"


def test_a_file_made_of_millions_of_tiny_parts_is_given_up_quickly(refusal: Refusal) -> None:
    whole = build.redness_model().SerializeToString()
    started = time.monotonic()
    limits = replace(DEFAULT_LIMITS, fields=200_000)
    assert refusal(whole + b"\x10\x01" * 20_000_000, limits=limits).code == "model_unreadable"
    assert time.monotonic() - started < 5


def test_graphs_nested_beyond_measure(refusal: Refusal) -> None:
    graph = helper.make_graph([helper.make_node("Relu", ["a"], ["b"])], "innermost", [], [])
    for depth in range(20):
        node = helper.make_node("If", ["c"], ["d"], then_branch=graph, else_branch=graph)
        graph = helper.make_graph([node], f"level{depth}", [], [])
        if depth > 10:
            break
    assert refusal(helper.make_model(graph)).code == "model_too_deep"


def test_inputs_other_than_the_manifest_says(refusal: Refusal) -> None:
    inputs = build.manifest_for(b"")["inputs"]
    answer = refusal(inputs={"image": {**inputs["image"], "name": "photo"}})
    assert answer.code == "model_inputs_differ"


def test_an_output_that_does_not_exist(refusal: Refusal) -> None:
    answer = refusal(output={"scores": "logits", "activation": "softmax"})
    assert (answer.code, "logits" in answer.detail) == ("model_outputs_missing", True)


# --- The model at work ------------------------------------------------------------------------------
@pytest.mark.usefixtures("in_this_process")
def test_a_golden_case_that_gives_something_else(refusal: Refusal) -> None:
    wrong = build.golden("red", build.RED, expected={"MEL": 0.1, "NEV": 0.8, "WART": 0.1})
    answer = refusal(golden=[build.golden("skin", build.SKIN), wrong])
    assert answer.code == "golden_mismatch"
    assert "“red”" in answer.detail


@pytest.mark.usefixtures("in_this_process")
def test_a_wrong_calibration_shows_in_the_golden_cases(refusal: Refusal) -> None:
    assert refusal(calibration={"temperature": 3.0}).code == "golden_mismatch"


@pytest.mark.usefixtures("in_this_process")
def test_labels_in_the_wrong_order_show_in_the_golden_cases(refusal: Refusal) -> None:
    assert refusal(labels=[build.LABELS[1], build.LABELS[0], build.LABELS[2]]).code == "golden_mismatch"


@pytest.mark.usefixtures("in_this_process")
def test_a_golden_picture_that_is_none(refusal: Refusal) -> None:
    broken = build.golden("red", build.RED, image="AAAA")
    assert refusal(golden=[broken, broken]).code == "golden_image_unreadable"


@pytest.mark.usefixtures("in_this_process")
def test_answers_that_are_not_numbers(refusal: Refusal) -> None:
    nodes = [
        helper.make_node("ReduceMean", ["image"], ["means"], axes=[2, 3], keepdims=0),
        helper.make_node("Mul", ["means", "zero"], ["nothing"]),
        helper.make_node("Div", ["nothing", "zero"], ["scores"]),
    ]
    model = build.model_of(nodes, constants={"zero": np.array(0, np.float32)})
    assert refusal(model, **build.scores_only()).code == "model_not_finite"


@pytest.mark.usefixtures("in_this_process")
def test_more_labels_than_the_model_has(refusal: Refusal) -> None:
    labels = [{**row, "prior": 0.25} for row in build.LABELS]
    labels.append({"label": "MORE", "condition": None, "suspicious": False, "prior": 0.25})
    cases = [build.golden("a", build.RED, expected=dict.fromkeys(("MEL", "NEV", "WART", "MORE"), 0.25))] * 2
    assert refusal(labels=labels, golden=cases).code == "model_output_shape"


@pytest.mark.usefixtures("in_this_process")
def test_a_free_output_shape_that_turns_out_wrong(refusal: Refusal) -> None:
    nodes = [helper.make_node("ReduceMean", ["image"], ["scores"], axes=[1, 2, 3], keepdims=1)]
    model = build.model_of(nodes, outputs=[build._value("scores", None)])
    assert refusal(model, **build.scores_only()).code == "model_output_shape"


@pytest.mark.usefixtures("in_this_process")
def test_a_picture_size_other_than_the_model_takes(refusal: Refusal) -> None:
    inputs = build.manifest_for(b"")["inputs"]
    answer = refusal(inputs={"image": {**inputs["image"], "width": 64}})
    assert (answer.code, "64" in answer.detail) == ("model_input_shape", True)


@pytest.mark.usefixtures("in_this_process")
def test_a_model_that_takes_bytes(refusal: Refusal) -> None:
    nodes = [
        helper.make_node("Cast", ["image"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["numbers"], ["scores"], axes=[2, 3], keepdims=0),
    ]
    model = build.model_of(nodes, inputs=[build._value("image", [1, 3, 32, 32], TensorProto.UINT8)])
    assert refusal(model, **build.scores_only()).code == "model_type"


@pytest.mark.usefixtures("in_this_process")
def test_a_graph_that_the_runtime_rejects(refusal: Refusal) -> None:
    model = build.model_of([helper.make_node("Relu", ["nobody"], ["scores"])])
    assert refusal(model, **build.scores_only()).code == "model_rejected"


@pytest.mark.usefixtures("in_this_process")
def test_a_model_that_is_too_slow(refusal: Refusal) -> None:
    assert refusal(limits=replace(DEFAULT_LIMITS, latency_ms=0.0001)).code == "model_too_slow"


# --- And in its own process --------------------------------------------------------------------------
def test_a_loop_that_never_ends_is_stopped(refusal: Refusal) -> None:
    limits = replace(DEFAULT_LIMITS, operators=DEFAULT_LIMITS.operators | {"Loop"}, trial_seconds=2)
    assert refusal(build.endless_model(), limits=limits, **build.scores_only()).code == "trial_timeout"


def test_work_without_end_made_of_allowed_operators_is_stopped(refusal: Refusal) -> None:
    limits = replace(DEFAULT_LIMITS, trial_seconds=1)
    assert refusal(build.heavy_model(), limits=limits, **build.scores_only()).code == "trial_timeout"


def test_work_without_end_before_the_first_photo_is_stopped(refusal: Refusal) -> None:
    """Constants are folded while the session is made, where nobody can ask the runtime to stop."""
    nodes = [helper.make_node("ConstantOfShape", ["sizes"], ["p0"])]
    nodes += [helper.make_node("MatMul", [f"p{n}", "p0"], [f"p{n + 1}"]) for n in range(400)]
    nodes += [helper.make_node("ReduceMean", ["p400"], ["one"], axes=[0, 1], keepdims=0)]
    nodes += [helper.make_node("ReduceMean", ["image"], ["means"], axes=[2, 3], keepdims=0)]
    nodes += [helper.make_node("Add", ["means", "one"], ["scores"])]
    model = build.model_of(nodes, constants={"sizes": np.array([1500, 1500], np.int64)})
    limits = replace(DEFAULT_LIMITS, trial_seconds=1)
    assert refusal(model, limits=limits, **build.scores_only()).code == "trial_timeout"


def test_a_model_that_wants_all_the_memory(refusal: Refusal) -> None:
    assert refusal(build.greedy_model(), **build.scores_only()).code == "trial_memory"


def test_a_process_that_dies_is_a_refusal_and_nothing_more(refusal: Refusal) -> None:
    """Too little memory even for the interpreter: the child falls over, the caller does not."""
    answer = refusal(limits=replace(DEFAULT_LIMITS, trial_memory_bytes=20_000_000))
    assert answer.code in {"trial_crashed", "trial_memory"}


# --- What is sound ---------------------------------------------------------------------------------
def test_a_sound_package_passes_every_check_and_is_measured(package: Path) -> None:
    sound = load_package(package, known_conditions=build.KNOWN)
    assert [check.passed for check in sound.checks] == [True] * 9
    assert sound.trial.cases == 2
    assert sound.trial.deviation < 1e-5
    assert 0 < sound.trial.latency_ms < 1000
    assert sound.trial.peak_mb < 300


@pytest.mark.usefixtures("in_this_process")
def test_an_archive_is_as_good_as_a_folder(package: Path, tmp_path: Path) -> None:
    archive = build.zipped(package, tmp_path / "package.zip", under="redness-1.0.0/")
    with archive.open("rb") as upload:
        assert load_package(upload, known_conditions=build.KNOWN).manifest.name == "redness"


@pytest.mark.usefixtures("in_this_process")
def test_checks_after_the_first_failure_say_that_they_did_not_run(package: Path) -> None:
    manifest = json.loads((package / "manifest.json").read_text())
    manifest["sha256"] = "0" * 64
    (package / "manifest.json").write_text(json.dumps(manifest))
    report = examine(package, known_conditions=build.KNOWN)
    assert [check.passed for check in report.checks] == [True, True, True, False, *[None] * 5]


def test_the_child_gets_nothing_of_this_process_s_environment(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable that would stop any Python from starting does not reach the child."""
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    assert load_package(package, known_conditions=build.KNOWN).trial.cases == 2


@pytest.mark.usefixtures("in_this_process")
def test_a_package_for_clinical_use_names_who_approved_it(tmp_path: Path) -> None:
    approval = {"authority": "Food and Drugs Authority", "reference": "FDA/MD/1"}
    folder = build.write_package(tmp_path / "p", clinical_use=True, clinical_approval=approval)
    assert load_package(folder, known_conditions=build.KNOWN).manifest.clinical_use
