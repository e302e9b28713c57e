"""Compare small students that learn from a teacher with the same students on labels alone, on rows that none has seen.

A student is as many oblivious trees of depth 4 as a file of `--kb` holds. The teacher is an average of LightGBM and
ChimeraBoost, whose predictions of labelled rows are out of fold. `mix` is the teacher's share in the targets of
labelled rows. A part of the rows has no labels: with `+`, they train the student too, with the teacher's predictions.
Gains are differences to the same student on labels, where 0 is the constant predictor and 1 the best of all; paired by
set and seed, with a 95 % interval of the mean.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from lean_automl_runtime import Artifact, write_artifact
from lean_automl_runtime.ir import Program
from machine import machine
from paired import constant_score, interval, parted, rows_of

from lean_automl.compiler.assemble import assemble
from lean_automl.compiler.passes import optimise
from lean_automl.data import Dataset, Task, folds
from lean_automl.features import FeaturePlan, fit_features
from lean_automl.learners.base import FitOptions, Problem, Rows
from lean_automl.learners.catboost import CatBoost
from lean_automl.learners.chimeraboost import ChimeraBoost
from lean_automl.learners.distilled import Distilled
from lean_automl.learners.lightgbm import LightGBM
from lean_automl.learners.texts import fit_reading
from lean_automl.search.metrics import make_metric
from lean_automl.student.trial import predict_with

TEACHERS = (LightGBM(trees=300, learning_rate=0.05), ChimeraBoost(trees=300, learning_rate=0.08, colsample=0.7))
DEPTH = 4
VARIANTS = ((0.0, False), (0.5, False), (0.9, False), (0.5, True), (0.9, True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with index.json and the tables")
    parser.add_argument("--sets", nargs="+", help="names of sets; all of two classes and of numbers without it")
    parser.add_argument("--rows", type=int, default=8_000, help="most rows of a table")
    parser.add_argument("--kb", type=float, default=4.0)
    parser.add_argument("--unlabelled", type=float, default=0.4, help="share of the rows whose labels are hidden")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "distill.json")
    options = parser.parse_args()
    names = [f"mix {mix:g}{' +' if more else ''}" for mix, more in VARIANTS]
    found = {"machine": machine(), "most_rows": options.rows, "kb": options.kb, "students": names, "sets": {}}
    for one in json.loads((options.data / "index.json").read_text()):
        wanted = one["name"] in options.sets if options.sets else one["task"] != Task.MULTICLASS
        if not wanted:
            continue
        found["sets"][one["name"]] = [compare(options.data / one["file"], one, seed, options) for seed in options.seeds]
        print(one["name"], json.dumps(found["sets"][one["name"]]), flush=True)
        every = [run["gains"] for runs in found["sets"].values() for run in runs]
        found["gain"] = {
            name: interval(list(own)) for name, own in zip(names[1:], zip(*every, strict=True), strict=True)
        }
        options.out.write_text(json.dumps(found, indent=1) + "\n")
    print("gain", json.dumps(found["gain"]))


def compare(path: Path, one: dict, seed: int, options: argparse.Namespace) -> dict[str, object]:
    dataset, problem = rows_of(path, one, options.rows, seed)
    own, new = (dataset.take(part) for part in parted(dataset, 0.25, seed))
    labelled, unlabelled = parted(own, options.unlabelled, seed)
    metric = make_metric(None, problem.task, problem.outputs)
    plan = fit_features(own.table)
    every = Rows(plan.frame(own.table), own.y)
    rows = every.take(labelled)
    rows, more = taught(rows, every.take(unlabelled), own.take(labelled), problem, seed)
    scores, sizes = [], []
    for mix, with_more in VARIANTS:
        own_rows = mixed(rows, mix, problem)
        program, size = student(own_rows.joined(more) if with_more else own_rows, (own, plan, problem), options.kb)
        scores.append(metric(new.y, predict_with(program, new.table), new.weight))
        sizes.append(size)
    scale = max(scores) - constant_score(metric, problem, own, new)
    gains = [(score - scores[0]) / scale if scale > 0 else 0.0 for score in scores[1:]]
    return {
        "metric": metric.name,
        "scores": [round(score, 5) for score in scores],
        "bytes": sizes,
        "gains": [round(float(gain), 5) for gain in gains],
    }


def taught(rows: Rows, more: Rows, dataset: Dataset, problem: Problem, seed: int) -> tuple[Rows, Rows]:
    """Rows with the teacher's out-of-fold predictions, and others with its predictions in the place of labels."""
    soft = np.zeros((rows.frame.rows, problem.outputs))
    new = np.zeros((more.frame.rows, problem.outputs))
    parts = folds(dataset, 4, seed)
    for settings in TEACHERS:
        for part in parts:
            fitted = fit_reading(settings, (rows.take(part.train), rows.take(part.valid)), problem, FitOptions(seed, 1))
            soft[part.valid] += fitted.predict(rows.frame.take(part.valid)) / len(TEACHERS)
            new += fitted.predict(more.frame) / len(TEACHERS) / len(parts)
    y = new[:, 0] if problem.task is Task.REGRESSION else new.argmax(axis=1)
    return replace(rows, soft=soft), replace(more, y=y, soft=new)


def mixed(rows: Rows, mix: float, problem: Problem) -> Rows:
    """The rows with targets of which the teacher's share is `mix`."""
    hard = rows.y[:, None] if problem.task is Task.REGRESSION else np.eye(problem.outputs)[rows.y]
    return replace(rows, soft=mix * rows.soft + (1 - mix) * hard)


def student(rows: Rows, about: tuple[Dataset, FeaturePlan, Problem], kb: float) -> tuple[Program, int]:
    """As many trees as fit into so many kB, but one at least, and the bytes of the file."""
    own, plan, problem = about
    soft = problem.task is Task.BINARY
    trees, tried, size = 200, 0, 0
    while size == 0 or (size > kb * 1000 and trees < tried):
        settings = CatBoost(trees=trees, depth=DEPTH, learning_rate=0.25, own_categories=False, soft=soft)
        fitted = fit_reading(Distilled(settings, 1.0, soft), (rows, None), problem, FitOptions(0, 1))
        program = optimise(assemble(fitted, plan, own.schema))
        size = len(write_artifact(Artifact(program)))
        tried, trees = trees, max(1, int(trees * min(0.95, 0.98 * kb * 1000 / size)))
    return program, size


if __name__ == "__main__":
    main()
