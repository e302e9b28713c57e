"""Score one learner that is fitted on a share of the rows that it may have, for some shares: what a hold-out costs.

A quarter of each table is never fitted. The learner chooses its rounds on a fifth of its own rows, and is then fitted
on all of them. Normalised score: 0 is the constant predictor, 1 the best of the shares; means over the seeds.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from machine import machine
from paired import constant_score, parted, rows_of

from lean_automl.data import Dataset, Task
from lean_automl.features import fit_features
from lean_automl.learners.base import FitOptions, Problem, Rows
from lean_automl.learners.chimeraboost import ChimeraBoost
from lean_automl.search.metrics import make_metric


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with index.json and the tables")
    parser.add_argument("--rows", type=int, default=30_000, help="most rows of a table")
    parser.add_argument("--shares", type=float, nargs="+", default=[0.8, 0.9, 1.0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "more_rows.json")
    options = parser.parse_args()
    found = {"machine": machine(), "most_rows": options.rows, "shares": options.shares, "sets": {}}
    for one in json.loads((options.data / "index.json").read_text()):
        parts = [rows_of(options.data / one["file"], one, options.rows, seed) for seed in options.seeds]
        scores = np.mean(
            [compare(*part, seed, options.shares) for part, seed in zip(parts, options.seeds, strict=True)], axis=0
        )
        found["sets"][one["name"]] = {"rows": parts[0][0].rows, "scores": np.round(scores, 4).tolist()}
        print(one["name"], json.dumps(found["sets"][one["name"]]), flush=True)
        options.out.write_text(json.dumps(found, indent=1))
    print("mean", np.round(np.mean([row["scores"] for row in found["sets"].values()], axis=0), 4).tolist())


def compare(dataset: Dataset, problem: Problem, seed: int, shares: list[float]) -> np.ndarray:
    metric = make_metric(None, problem.task, problem.outputs)
    train, test = parted(dataset, 0.25, seed)
    train = np.random.default_rng(seed).permutation(train)
    plan = fit_features(dataset.table.take(train))
    rows = Rows(plan.frame(dataset.table), dataset.y, dataset.weight)
    settings = ChimeraBoost(trees=150 if problem.task is Task.MULTICLASS else 2000, learning_rate=0.1, colsample=0.7)
    scores = []
    for share in shares:
        own = train[: int(share * train.size)]
        count = own.size * 4 // 5
        first = settings.fit(rows.take(own[:count]), rows.take(own[count:]), problem, FitOptions(seed, 2))
        last = settings.for_all_rows([first], own.size / count).fit(rows.take(own), None, problem, FitOptions(seed, 2))
        scores.append(metric(dataset.y[test], last.predict(rows.frame.take(test))))
    base = constant_score(metric, problem, dataset.take(train), dataset.take(test))
    return (np.array(scores) - base) / (max(scores) - base)


if __name__ == "__main__":
    main()
