"""Score oblivious trees that read small categories as numbers beside such that read all as target statistics.

One fold of at most `--rows` rows of each table that has categories; everything else is equal.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
from machine import machine

from lean_automl.data import folds, load_dataset
from lean_automl.features import fit_features
from lean_automl.learners.base import FitOptions, Problem, Rows
from lean_automl.learners.chimeraboost import ChimeraBoost
from lean_automl.search.metrics import make_metric


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with index.json and the tables")
    parser.add_argument("--rows", type=int, default=25_000)
    parser.add_argument("--levels", type=int, nargs="+", default=[0, 64])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "categories.json")
    options = parser.parse_args()
    found = {"machine": machine(), "rows": options.rows, "sets": {}}
    for one in json.loads((options.data / "index.json").read_text()):
        row = compare(options.data / one["file"], one["target"], options)
        if row is not None:
            found["sets"][one["name"]] = row
            print(one["name"], json.dumps(row), flush=True)
            options.out.write_text(json.dumps(found, indent=1))


def compare(path: Path, target: str, options: argparse.Namespace) -> dict[str, object] | None:
    dataset = load_dataset(path, target)
    if dataset.rows > options.rows:
        dataset = dataset.take(np.sort(np.random.default_rng(0).choice(dataset.rows, options.rows, replace=False)))
    plan = fit_features(dataset.table)
    if not plan.categorical:
        return None
    problem = Problem(dataset.schema.task, len(dataset.schema.classes) or 1)
    metric = make_metric(None, problem.task, problem.outputs)
    rows = Rows(plan.frame(dataset.table), dataset.y, dataset.weight)
    fold = folds(dataset, 5, 0)[-1]
    train, valid = rows.take(fold.train), rows.take(fold.valid)
    result: dict[str, object] = {"metric": metric.name, "levels": [c.levels for c in plan.categorical]}
    for levels in options.levels:
        settings = ChimeraBoost(trees=300, learning_rate=0.1, colsample=0.7, ordinal_levels=levels)
        settings.fit(train.take(np.arange(min(500, train.y.size))), None, problem, FitOptions())  # compiles kernels
        begin = time.process_time()
        fitted = settings.fit(train, valid, problem, FitOptions(threads=1))
        seconds = time.process_time() - begin
        score = metric(valid.y, fitted.predict(valid.frame), valid.weight)
        result[f"up to {levels}"] = {"score": round(score, 6), "rounds": fitted.rounds, "cpu_s": round(seconds, 2)}
    return result


if __name__ == "__main__":
    main()
