"""Score small networks with and without numbers in pieces, and their averages with trees, on rows that none has seen.

A quarter of each table judges; a fifth of the rest stops the fits. Normalised score: 0 is the constant predictor, 1 the
best of all that is compared on that set and seed. Gains are paired, with their 95 % interval over sets and seeds.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from machine import machine
from paired import constant_score, interval, parted, rows_of

from lean_automl.data import Task
from lean_automl.features import fit_features
from lean_automl.learners.base import FitOptions, Rows
from lean_automl.learners.chimeraboost import ChimeraBoost
from lean_automl.learners.lightgbm import LightGBM
from lean_automl.learners.mlp import MLP
from lean_automl.search.metrics import make_metric

NETWORKS = {
    "standardised": MLP((64, 64), bins=0, dropout=0.1, learning_rate=3e-3),
    "pieces": MLP((64, 64), bins=16, dropout=0.1, learning_rate=3e-3),
}
GAINS = {
    "pieces over standardised": ("pieces", "standardised"),
    "trees with pieces over trees": ("trees + pieces", "trees"),
    "trees with standardised over trees": ("trees + standardised", "trees"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with index.json and the tables")
    parser.add_argument("--rows", type=int, default=8_000, help="most rows of a table")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "networks.json")
    options = parser.parse_args()
    found = {"machine": machine(), "most_rows": options.rows, "rows": [], "mean": {}, "gains": {}}
    for one in json.loads((options.data / "index.json").read_text()):
        for seed in options.seeds:
            scores = compare(options.data / one["file"], one, options.rows, seed)
            found["rows"].append({"set": one["name"], "seed": seed, "scores": scores})
            print(one["name"], seed, json.dumps(scores), flush=True)
            every = [row["scores"] for row in found["rows"]]
            found["mean"] = {name: round(float(np.mean([own[name] for own in every])), 4) for name in scores}
            found["gains"] = {name: gain([own[a] - own[b] for own in every]) for name, (a, b) in GAINS.items()}
            options.out.write_text(json.dumps(found, indent=1))
    print(json.dumps(found["gains"], indent=1))


def gain(differences: list[float]) -> dict[str, float]:
    """A few tables may make the mean, so the median and the share of gains stand beside it."""
    median, better = float(np.median(differences)), float(np.mean(np.array(differences) > 0))
    return interval(differences) | {"median": round(median, 5), "better_in": round(better, 3)}


def compare(path: Path, one: dict, most: int, seed: int) -> dict[str, float]:
    dataset, problem = rows_of(path, one, most, seed)
    metric = make_metric(None, problem.task, problem.outputs)
    own, test = parted(dataset, 0.25, seed)
    train, valid = parted(dataset, 0.2, seed, own)
    plan = fit_features(dataset.table.take(own))
    rows = Rows(plan.frame(dataset.table), dataset.y, dataset.weight)
    trees = 300 if problem.task is Task.MULTICLASS else 2000
    learners = {
        "lightgbm": LightGBM(trees=trees, learning_rate=0.05, feature_fraction=0.5),
        "chimeraboost": ChimeraBoost(trees=trees, learning_rate=0.1, colsample=0.7),
        **NETWORKS,
    }
    predicted = {}
    for name, learner in learners.items():
        fitted = learner.fit(rows.take(train), rows.take(valid), problem, FitOptions(seed, 1))
        predicted[name] = fitted.predict(rows.frame.take(test))
    predicted["trees"] = (predicted["lightgbm"] + predicted["chimeraboost"]) / 2
    for name in NETWORKS:
        predicted[f"trees + {name}"] = (predicted["lightgbm"] + predicted["chimeraboost"] + predicted[name]) / 3
    new = dataset.take(test)
    scores = {name: metric(new.y, values, new.weight) for name, values in predicted.items()}
    constant = constant_score(metric, problem, dataset.take(own), new)
    scale = max(scores.values()) - constant
    return {name: round((score - constant) / scale, 5) for name, score in scores.items()}


if __name__ == "__main__":
    main()
