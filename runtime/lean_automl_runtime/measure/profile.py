"""Device profiles: what this machine charges for each thing that a Program does, per engine.

`calibrate` times the reference Programs in a fresh process until each was seen at several quiet moments (`slots.py`),
compares a few of them with processes of their own, fits a cost model for each engine, and states how wrong it is on
Programs that were held out.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from lean_automl_runtime.artifact import Artifact, write_artifact
from lean_automl_runtime.engines import ENGINES, available
from lean_automl_runtime.errors import ConfigError, MeasurementError
from lean_automl_runtime.measure.cost import FEWEST_SAMPLES, CostErrors, CostModel, errors_on, fit_cost_model
from lean_automl_runtime.measure.harness import measure
from lean_automl_runtime.measure.machine import Machine
from lean_automl_runtime.measure.op_counts import contents_of, features
from lean_automl_runtime.measure.options import MeasureOptions
from lean_automl_runtime.measure.processes import Child, choose_core, run_child
from lean_automl_runtime.measure.reference_programs import make_program, make_records
from lean_automl_runtime.measure.reference_shapes import HELD_OUT_SHAPES, REFERENCE_SHAPES, Shape
from lean_automl_runtime.measure.rows import read_rows, to_lines
from lean_automl_runtime.measure.slots import Slot, cost_samples, full_speed_us, median_at_full_speed

if TYPE_CHECKING:
    from lean_automl_runtime.ir.program import Program

PROFILE_FORMAT: Final = 5
SECONDS: Final = 20.0  # of sampling; with start-up and processes of their own, a calibration takes under a minute
START_UP_S: Final = 120.0  # for imports and what engines compile, beyond the time for sampling
ALONE: Final = MeasureOptions(budget_s=0.15, min_samples=20, tightness=0.0, max_attempts=2, max_rows=1_000)
MOST_ALONE: Final = 6  # Programs that get a process of their own, for each engine
ARTIFACT_ENGINES: Final = tuple(ENGINES)


@dataclass(frozen=True, slots=True)
class DeviceProfile:
    """A machine as the cost model sees it.

    Attributes:
        machine: Where it was made.
        date: When, in UTC, ISO 8601.
        control_us: Median of the control kernel at full speed.
        models: Cost model of each engine.
        held_out: Its errors on Programs that it was not fitted on.
        notes: Engines or Programs that could not be measured, and why.
    """

    machine: Machine
    date: str
    control_us: float
    models: Mapping[str, CostModel]
    held_out: Mapping[str, CostErrors]
    notes: tuple[str, ...]

    def model(self, engine: str) -> CostModel:
        """Cost model of an engine.

        Raises:
            ConfigError: The profile has none for it.
        """
        if engine not in self.models:
            raise ConfigError(f"the device profile has no engine {engine!r}, only: {', '.join(self.models)}")
        return self.models[engine]

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "format": PROFILE_FORMAT,
            "machine": self.machine.to_json(),
            "date": self.date,
            "control_us": self.control_us,
            "models": {engine: model.to_json() for engine, model in self.models.items()},
            "held_out": {engine: asdict(found) for engine, found in self.held_out.items()},
            "notes": list(self.notes),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> DeviceProfile:
        """What `to_json` wrote, or what the stand-alone C program printed: times alone, which are fitted here.

        Raises:
            ConfigError: The values are of another format, or no profile.
            MeasurementError: Nothing can be fitted to the times.
        """
        if values.get("format") != PROFILE_FORMAT:
            raise ConfigError(
                f"device profile of format {values.get('format')}, this version reads {PROFILE_FORMAT}: make it again"
            )
        try:
            if "slots" in values:
                return _of_slots(values)
            held_out = {e: CostErrors(**{**v, "worst": tuple(v["worst"])}) for e, v in values["held_out"].items()}
            return cls(
                machine=Machine(**values["machine"]),
                date=values["date"],
                control_us=values["control_us"],
                models={engine: CostModel.from_json(model) for engine, model in values["models"].items()},
                held_out=held_out,
                notes=tuple(values["notes"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ConfigError(f"device profile: {type(error).__name__}: {error}. Make it again.") from error


def read_profile(path: str | Path) -> DeviceProfile:
    """A profile from a file.

    Raises:
        ConfigError: It cannot be read, or is no profile.
        MeasurementError: Nothing can be fitted to its times.
    """
    try:
        values = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: cannot be read as a device profile: {error}. Make it with: profile") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: is no device profile. Make it with: profile")
    return DeviceProfile.from_json(values)


def _of_slots(values: Mapping[str, Any]) -> DeviceProfile:
    """A profile from times of reference Programs that are named."""
    known = {shape.name: shape for shape in (*REFERENCE_SHAPES, *HELD_OUT_SHAPES)}
    shapes = [known[name] for name in values["programs"]]
    return make_profile(values, shapes, [shape_features(shape) for shape in shapes])


def shape_features(shape: Shape) -> dict[str, float]:
    """Counts of a reference Program that reads its records."""
    return features(make_program(shape), contents_of(make_records(shape)))


def calibrate(
    engines: Sequence[str] | None = None,
    seconds: float = SECONDS,
    writers: Mapping[str, Callable[[Program], bytes]] | None = None,
) -> DeviceProfile:
    """Measure the reference Programs here and fit a cost model for each engine.

    Args:
        engines: Names that `load` takes; None for all that are installed and run `.lam` artifacts.
        seconds: Sampling time in total; imports, loading and compiling come on top.
        writers: For an engine with files of its own, what writes them: `{"onnx": ...}`, suffix as the engine's name.

    Raises:
        ConfigError: An engine has no writer, or there is none to measure.
        MeasurementError: The measuring process failed.
    """
    writers = writers or {}
    names = list(engines) if engines is not None else [e for e in ARTIFACT_ENGINES if available(e)] + list(writers)
    unknown = [name for name in names if name not in ENGINES and name not in writers]
    if unknown or not names:
        raise ConfigError(f"engines: {unknown or 'none given'}: neither runs .lam artifacts nor has a writer")
    shapes = (*REFERENCE_SHAPES, *HELD_OUT_SHAPES)
    programs = [make_program(shape) for shape in shapes]
    with tempfile.TemporaryDirectory(prefix="lean_automl_calibrate_") as name:
        folder = Path(name)
        _write_inputs(folder, shapes, programs, writers)
        request = {"engines": {e: e if e in writers else "lam" for e in names}, "programs": len(shapes)}
        (folder / "request.json").write_text(json.dumps({**request, "seconds": seconds}), encoding="utf-8")
        child = Child("profile_child", [str(choose_core(True, None))], 1, 3 * seconds + START_UP_S, "calibration")
        facts = run_child(folder, child)
        suffixes = {engine: f".{engine if engine in writers else 'lam'}" for engine in facts["slots"]}
        facts["alone"] = {engine: _alone(folder, engine, suffix, facts) for engine, suffix in suffixes.items()}
    return make_profile(facts, shapes, [shape_features(shape) for shape in shapes])


def _write_inputs(
    folder: Path,
    shapes: Sequence[Shape],
    programs: Sequence[Program],
    writers: Mapping[str, Callable[[Program], bytes]],
) -> None:
    for number, (shape, program) in enumerate(zip(shapes, programs, strict=True)):
        (folder / f"{number}.lam").write_bytes(write_artifact(Artifact(program)))
        (folder / f"{number}.jsonl").write_text("\n".join(to_lines(make_records(shape))), encoding="utf-8")
        for engine, write in writers.items():
            (folder / f"{number}.{engine}").write_bytes(write(program))


def _alone(folder: Path, engine: str, suffix: str, facts: Mapping[str, Any]) -> float:
    """What a Program takes in a process of its own, over what it takes beside all others; the median of some.

    What serves has one model, and engines in Python are a twentieth slower where there are a hundred: more types in
    each place, less of each in a cache.
    """
    programs = [[Slot(*values) for values in of_program] for of_program in facts["slots"][engine]]
    control_us, ratios = full_speed_us(programs), []
    options = replace(ALONE, engine=engine, full_speed_us=control_us)
    for number in range(0, len(programs), -(-len(programs) // MOST_ALONE)):
        beside_us, path = median_at_full_speed(programs[number], control_us), folder / f"{number}{suffix}"
        if beside_us is None:
            continue
        try:
            found = measure(path, read_rows(folder / f"{number}.jsonl"), options)
        except MeasurementError as error:  # must not cost the others their profile
            facts["notes"].append(f"{engine}: a process of its own failed: {error}")
            continue
        slot = Slot(found.total.p50.value_us, found.total.p99.value_us, found.launches[0].control.p50_us)
        alone_us = median_at_full_speed([slot], control_us)
        if alone_us is not None:
            ratios.append(alone_us / beside_us)
    return median(ratios) if ratios else 1.0


def make_profile(
    facts: Mapping[str, Any], shapes: Sequence[Shape], counts: Sequence[Mapping[str, float]]
) -> DeviceProfile:
    """The profile that the child's facts give.

    Args:
        facts: `slots[engine][program]` is a list of values of `Slot`, beside `machine`, `notes` and perhaps a `date`,
            and in `alone[engine]` what times are multiplied by.
        shapes: Of the Programs.
        counts: Their `features`.
    """
    notes, models, held_out, controls = list(facts["notes"]), {}, {}, []
    held_out_names = {shape.name for shape in HELD_OUT_SHAPES}
    for engine, of_engine in facts["slots"].items():
        alone = facts.get("alone", {}).get(engine, 1.0)
        programs = [[Slot(p50 * alone, p99 * alone, control) for p50, p99, control in own] for own in of_engine]
        samples = cost_samples([shape.name for shape in shapes], counts, programs)
        restless = sum(bool(slots) for slots in programs) - len(samples)
        if restless:
            notes.append(f"{engine}: {restless} of {len(shapes)} programs had no quiet moment")
        fitted = [sample for sample in samples if sample.name not in held_out_names]
        others = [sample for sample in samples if sample.name in held_out_names]
        wanted = sum(shape.name not in held_out_names for shape in shapes)
        if len(fitted) < max(FEWEST_SAMPLES, wanted // 2) or not others:
            notes.append(f"{engine}: too few programs could be measured for a cost model")
            continue
        controls.append(full_speed_us(programs))
        models[engine] = fit_cost_model(fitted, engine)
        held_out[engine] = errors_on(models[engine], others)
    if not models:
        raise MeasurementError(f"calibration: no cost model could be fitted. {'; '.join(notes)}")
    date = facts.get("date") or datetime.now(UTC).isoformat(timespec="seconds")
    return DeviceProfile(Machine(**facts["machine"]), date, min(controls), models, held_out, tuple(notes))
