"""How wrong the cost model is on trained students: predicted against measured latency, for each engine.

A profile of this machine is made first (or given); then students of every family are fitted on the tables of a folder,
none of which the profile has seen, and timed in fresh processes, as what ships is, at one moment after another until
the control kernel ran three times at the full speed that the profile knows, as in the calibration itself.
"""

import argparse
import json
import random
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import optuna
from lean_automl_exporters.onnx import export_onnx
from lean_automl_runtime.engines import ENGINES, available
from lean_automl_runtime.ir import digest
from lean_automl_runtime.measure import (
    DeviceProfile,
    MeasureOptions,
    calibrate,
    contents_of,
    features,
    measure,
)
from lean_automl_runtime.measure.slots import Slot, at_full_speed, median_at_full_speed
from machine import machine

from lean_automl.compiler.assemble import assemble
from lean_automl.compiler.passes import optimise
from lean_automl.config import Constraints
from lean_automl.data import folds, load_dataset
from lean_automl.data.records import to_records
from lean_automl.features import fit_features
from lean_automl.learners.base import FitOptions, Problem, Rows
from lean_automl.student.deploy import ARTIFACT_FILE, ONNX_FILE, Deployment
from lean_automl.student.families import FAMILIES
from lean_automl.student.family import Context

SIZES = (16_000.0, 64_000.0, 256_000.0)
MOMENT = MeasureOptions(budget_s=0.2, min_samples=20, tightness=0.0, max_attempts=3, max_rows=1_000)
BARS = {"median": 0.10, "within_25_percent": 0.95}  # of the errors at most, and at least


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with index.json and the tables")
    parser.add_argument("--only", nargs="*", help="names of sets")
    parser.add_argument("--rows", type=int, default=6_000, help="of each set, for the fits")
    parser.add_argument("--fit-s", type=float, default=10.0, help="most seconds of a fit")
    parser.add_argument("--calibrate-s", type=float, default=20.0)
    parser.add_argument("--moments", type=int, default=6, help="at which a student is timed at most")
    parser.add_argument("--enough", type=int, default=3, help="moments at full speed, each in a process of its own")
    parser.add_argument("--engines", nargs="+", help="that are judged (all that are here)")
    parser.add_argument("--students", type=int, default=120, help="that are timed, of all families and sizes")
    parser.add_argument("--profile", type=Path, help="of this machine; made if it is not given")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "cost_model.json")
    options = parser.parse_args()
    about = machine()
    sets = [s for s in json.loads((options.data / "index.json").read_text()) if one_of(s["name"], options.only)]
    students = [student for one in sets for student in fit_set(one, options)]
    random.Random(0).shuffle(students)
    students = students[: options.students]
    profile = make_profile(options)
    found = {
        "machine": about,
        "profile": {"date": profile.date, "control_us": profile.control_us, "notes": list(profile.notes)},
        "bars": BARS,
        "engines": {},
        "students": [],
    }
    for engine in options.engines or profile.models:
        rows = judge(engine, students, profile, options)
        found["students"] += rows
        found["engines"][engine] = errors(rows) | {"restless": len(students) - len(rows)}
        options.out.write_text(json.dumps(found, indent=1))
        print(engine, json.dumps(found["engines"][engine]), flush=True)


def one_of(name: str, names: list[str] | None) -> bool:
    return not names or name in names


def make_profile(options: argparse.Namespace) -> DeviceProfile:
    if options.profile is not None:
        return DeviceProfile.from_json(json.loads(options.profile.read_text()))
    return calibrate(seconds=options.calibrate_s, writers={"onnx": export_onnx})


def fit_set(one: dict, options: argparse.Namespace) -> list[dict]:
    """Students of every family on a set: name, Program and records."""
    dataset = load_dataset(options.data / one["file"], one["target"])
    rng = np.random.default_rng(0)
    dataset = dataset.take(np.sort(rng.permutation(dataset.rows)[: options.rows]))
    plan = fit_features(dataset.table)
    fold = folds(dataset, 5, 0)[0]
    problem = Problem(dataset.schema.task, len(dataset.schema.classes) or 1)
    frame = plan.frame(dataset.table)
    train, valid = (Rows(frame, dataset.y, dataset.weight).take(part) for part in (fold.train, fold.valid))
    records = to_records(dataset.table.take(fold.valid[:1_000]))
    made = []
    for size in SIZES:
        limits = Constraints(max_size_bytes=size)
        about = Context(problem, fold.train.size, len(plan.numeric), len(plan.categorical), limits, False)
        for family in FAMILIES.values():
            if not family.suits(about) or (size != SIZES[0] and family.name in ("linear", "additive", "mlp")):
                continue
            for number, start in enumerate(family.starts(about)[:2]):
                student = family.suggest(optuna.trial.FixedTrial(start), about)
                fitted = student.fit(train, valid, problem, FitOptions(0, 1, time.monotonic() + options.fit_s))
                program = optimise(assemble(fitted, plan, dataset.schema))
                name = f"{one['name']}, {family.name} {number}, {size / 1000:g} kB"
                made.append({"name": name, "program": program, "records": records})
                print(name, fitted.rounds, flush=True)
    return list({digest(student["program"]): student for student in made}.values())


def judge(engine: str, students: list[dict], profile: DeviceProfile, options: argparse.Namespace) -> list[dict]:
    """Predicted and measured medians of the students that are seen at full speed within so many moments.

    Processes differ by more than moments do: one that is lucky with its memory may take half of what others take.
    """
    if engine != "onnx" and not (engine in ENGINES and available(engine)):
        return []
    seen: list[list[Slot]] = [[] for _ in students]
    deployment = Deployment({ONNX_FILE if engine == "onnx" else ARTIFACT_FILE: engine})
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, f"{number}.{name}") for number, _ in enumerate(students) for name in deployment.files]
        for student, path in zip(students, paths, strict=True):
            path.write_bytes(next(iter(deployment.contents(student["program"]).values())))
        for _ in range(options.moments):
            for student, path, own in zip(students, paths, seen, strict=True):
                if len(at_full_speed(own, profile.control_us)) < options.enough:
                    own.append(moment(path, engine, student["records"], profile.control_us))
    rows = []
    for student, own in zip(students, seen, strict=True):
        measured = median_at_full_speed(own, profile.control_us)
        if measured is not None:
            counts = features(student["program"], contents_of(student["records"]))
            predicted = profile.models[engine].predict_us(counts)
            row = {"engine": engine, "student": student["name"], "measured_us": measured, "predicted_us": predicted}
            rows.append(row | {"error": predicted / measured - 1, "moments": len(own)})
    return rows


def moment(path: Path, engine: str, records: list[dict], control_us: float) -> Slot:
    """In a process of its own, as the final measurement has it: what else is in memory makes a short call slower."""
    found = measure(path, records, replace(MOMENT, engine=engine, full_speed_us=control_us))
    return Slot(found.total.p50.value_us, found.total.p99.value_us, found.launches[0].control.p50_us)


def errors(rows: list[dict]) -> dict[str, object]:
    """Of one engine."""
    if not rows:
        return {"students": 0}
    sizes = np.abs([row["error"] for row in rows])
    median, near = float(np.median(sizes)), float(np.mean(sizes <= 0.25))
    worst = max(rows, key=lambda row: abs(row["error"]))
    return {
        "students": len(rows),
        "median": median,
        "p95": float(np.quantile(sizes, 0.95, method="higher")),
        "within_25_percent": near,
        "bars_met": median <= BARS["median"] and near >= BARS["within_25_percent"],
        "worst": [worst["student"], worst["error"]],
    }


if __name__ == "__main__":
    main()
