from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
from lean_automl_runtime.artifact import Artifact, write_artifact
from lean_automl_runtime.errors import ConfigError, MeasurementError
from lean_automl_runtime.measure import DeviceProfile, calibrate, read_profile
from lean_automl_runtime.measure.__main__ import main as command_line
from lean_automl_runtime.measure.machine import Machine
from lean_automl_runtime.measure.op_counts import features
from lean_automl_runtime.measure.profile import PROFILE_FORMAT, make_profile, shape_features
from lean_automl_runtime.measure.profile_child import main
from lean_automl_runtime.measure.reference_programs import make_program, make_records
from lean_automl_runtime.measure.reference_shapes import HELD_OUT_SHAPES, REFERENCE_SHAPES, Shape
from lean_automl_runtime.measure.slots import Slot, at_full_speed, cost_samples, full_speed_us

SHAPES = (*REFERENCE_SHAPES, *HELD_OUT_SHAPES)
COUNTS = [features(make_program(shape)) for shape in SHAPES]
MACHINE = Machine("a CPU", "x86_64", 2, None, "Linux", "CPython 3.11", {"numpy": "2.0"})


def true_us(counts) -> float:
    return 4.0 + 0.5 * counts["numeric_columns"] + 0.002 * counts["levels"] + 0.02 * counts["ragged_steps"]


def facts(slots_of):
    """What a child leaves: for each Program the slots that `slots_of` gives for its true time."""
    slots = {"numba": [slots_of(number, true_us(counts)) for number, counts in enumerate(COUNTS)]}
    return {"slots": slots, "machine": MACHINE.to_json(), "notes": []}


def test_slots_in_a_slow_moment_do_not_count():
    slots = [Slot(10.0, 12.0, 25.0), Slot(10.2, 15.0, 26.0), Slot(18.0, 30.0, 40.0)]
    assert at_full_speed(slots, 25.0) == slots[:2]
    (sample,) = cost_samples(["x"], [{"calls": 1.0}], [slots])
    assert sample.p50_us == pytest.approx((10.0 * 25.5 / 25 + 10.2 * 25.5 / 26) / 2), "each by the speed of its moment"
    assert sample.p99_us == pytest.approx(12.0 * 25.5 / 25)


def test_full_speed_is_what_is_usual_at_the_highest_speed():
    lucky, usual, slow = (Slot(1.0, 1.0, control) for control in (22.0, 25.0, 40.0))
    assert full_speed_us([[lucky, *40 * [usual]], 60 * [slow]]) == 25.0
    assert full_speed_us([]) == float("inf")


def test_full_speed_is_that_of_all_programs_of_the_engine():
    slow_only = [Slot(18.0, 30.0, 40.0)]
    assert cost_samples(["x"], [{}], [slow_only])[0].p50_us == 18.0
    samples = cost_samples(["x", "y"], [{}, {}], [slow_only, [Slot(5.0, 6.0, 25.0)]])
    assert [sample.name for sample in samples] == ["y"]


def test_a_profile_of_a_machine_with_two_speeds_is_exact():
    def slots_of(number, time_us):
        slow = (1.8 * time_us, 2.5 * time_us, 40.0)
        return [slow, (time_us, 1.4 * time_us, 25.0)] if number % 2 else [(1.02 * time_us, 1.4 * time_us, 25.5), slow]

    profile = make_profile(facts(slots_of), SHAPES, COUNTS)
    model = profile.model("numba")
    assert 25.0 <= profile.control_us <= 25.5
    assert profile.held_out["numba"].programs == len(HELD_OUT_SHAPES)
    assert profile.held_out["numba"].p95 < 1e-6
    assert model.tail == pytest.approx(1.4, rel=0.02)
    assert profile.notes == ()
    assert DeviceProfile.from_json(json.loads(json.dumps(profile.to_json()))) == profile
    with pytest.raises(ConfigError, match="no engine 'native', only: numba"):
        profile.model("native")


def test_programs_without_a_quiet_moment_are_left_out_and_told():
    def slots_of(number, time_us):
        return [(2 * time_us, 3 * time_us, 45.0)] if number == 3 else [(time_us, time_us, 25.0)]

    profile = make_profile(facts(slots_of), SHAPES, COUNTS)
    assert profile.notes == (f"numba: 1 of {len(SHAPES)} programs had no quiet moment",)
    assert profile.held_out["numba"].p95 < 1e-6


def test_a_machine_that_measured_nothing_has_no_profile():
    with pytest.raises(MeasurementError, match="no cost model could be fitted"):
        make_profile(facts(lambda *_: []), SHAPES, COUNTS)


def test_profiles_of_another_format_are_refused():
    with pytest.raises(ConfigError, match="format 99"):
        DeviceProfile.from_json({"format": 99})


def test_calibrate_writes_what_the_child_reads(monkeypatch):
    asked = {}

    def run_child(folder, child):
        asked.update(json.loads((folder / "request.json").read_text(encoding="utf-8")), module=child.module)
        asked["files"] = sorted(path.suffix for path in folder.iterdir() if path.name.startswith("0."))
        return facts(lambda _, time_us: [(time_us, time_us, 25.0)])

    def measure(path, records, options):
        assert path.suffix == ".lam"
        assert records
        alone = SimpleNamespace(value_us=7.0 if path.stem == "0" else 0.5 * beside[int(path.stem)])
        launch = SimpleNamespace(control=SimpleNamespace(p50_us=options.full_speed_us))
        return SimpleNamespace(total=SimpleNamespace(p50=alone, p99=alone), launches=[launch])

    beside = [slots[0][0] for slots in facts(lambda _, time_us: [(time_us, time_us, 25.0)])["slots"]["numba"]]
    monkeypatch.setattr("lean_automl_runtime.measure.profile.measure", measure)
    monkeypatch.setattr("lean_automl_runtime.measure.profile.run_child", run_child)
    profile = calibrate(["reference", "onnx"], 1.0, {"onnx": lambda program: program.ops[0].name.encode()})
    assert asked["engines"] == {"reference": "lam", "onnx": "onnx"}
    assert asked["programs"] == len(SHAPES)
    assert asked["files"] == [".jsonl", ".lam", ".onnx"]
    assert asked["module"] == "profile_child"
    assert list(profile.models) == ["numba"]
    counts = [shape_features(shape) for shape in SHAPES]
    together = make_profile(facts(lambda _, time_us: [(time_us, time_us, 25.0)]), SHAPES, counts)
    ratio = profile.models["numba"].predict_us(counts[0]) / together.models["numba"].predict_us(counts[0])
    assert ratio == pytest.approx(0.5)  # as Programs are that have a process of their own
    with pytest.raises(ConfigError, match="'warp'"):
        calibrate(["warp"])
    with pytest.raises(ConfigError, match="none given"):
        calibrate([])


def test_the_child_times_what_it_can_and_notes_what_it_cannot(tmp_path, capsys):
    shape = Shape("oblivious", 2, 2, numeric=1)
    (tmp_path / "0.lam").write_bytes(write_artifact(Artifact(make_program(shape))))
    (tmp_path / "1.lam").write_bytes(b"broken")
    for number in range(2):
        lines = [json.dumps(record) for record in make_records(shape, rows=20)]
        (tmp_path / f"{number}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    request = {"engines": {"reference": "lam"}, "programs": 2, "seconds": 0.05}
    (tmp_path / "request.json").write_text(json.dumps(request), encoding="utf-8")
    assert main([str(tmp_path), "-1"]) == 0
    left = json.loads((tmp_path / "facts.json").read_text(encoding="utf-8"))
    timed, broken = left["slots"]["reference"]
    assert np.array(timed).shape[1] == 3
    assert (np.array(timed) > 0).all()
    assert broken == []
    assert left["notes"][0].startswith("reference: 1 of 2 programs failed, first with CorruptArtifactError: ")
    assert "stage sampling" in capsys.readouterr().out


def test_times_alone_are_fitted_when_they_are_read(tmp_path):
    kept = [number for number in range(len(SHAPES)) if number % 3]
    slots = [[(true_us(COUNTS[number]), 1.2 * true_us(COUNTS[number]), 9.0)] for number in kept]
    values = {
        "format": PROFILE_FORMAT,
        "date": "2026-01-02T03:04:05+00:00",
        "programs": [SHAPES[number].name for number in kept],
        "slots": {"c": slots},
        "machine": MACHINE.to_json(),
        "notes": [],
    }
    (tmp_path / "device.json").write_text(json.dumps(values), encoding="utf-8")
    profile = read_profile(tmp_path / "device.json")
    assert profile.date == values["date"]
    assert profile.held_out["c"].p95 < 1e-6
    assert profile.model("c").tail == pytest.approx(1.2)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"format": 1}', '{"format": 4, "slots": {"c": []}, "programs": ["absent"]}', "\x00"],
)
def test_what_is_no_profile_is_refused(text, tmp_path):
    (tmp_path / "device.json").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"profile"):
        read_profile(tmp_path / "device.json")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_profile(tmp_path / "absent.json")


def test_the_runtime_alone_makes_a_profile(tmp_path, monkeypatch, capsys):
    made = make_profile(facts(lambda _, time_us: [(time_us, time_us, 25.0)]), SHAPES, COUNTS)
    monkeypatch.setattr("lean_automl_runtime.measure.profile_command.calibrate", lambda *_: made)
    assert command_line(["profile", "--seconds", "1"]) == 0
    assert DeviceProfile.from_json(json.loads(capsys.readouterr().out)) == made
    assert command_line(["profile", "--out", str(tmp_path / "here.json")]) == 0
    assert read_profile(tmp_path / "here.json") == made
    assert command_line(["profile", "--out", str(tmp_path / "absent" / "here.json")]) == 1
    assert "error: " in capsys.readouterr().err
