"""Fit with two versions of the project under the same limits, side by side, and compare them on rows that none gets.

The other version is a checkout in which `pip install --no-deps -e runtime` has built the native engine. Both fits of a
pair run at the same time with one thread each, so that a busy machine is busy for both. Splits and scores are those of
`quality.py`. A gain is this version's score less the other's, over the range from the constant predictor to the better
of the two; a pair in which one has no model does not count.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
from machine import machine
from paired import interval
from quality import METRICS, run, score_of, split

HERE = Path(__file__).parents[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with index.json and the tables")
    parser.add_argument("--other", type=Path, required=True, help="checkout of another version")
    parser.add_argument("--limits", required=True, help="options of fit, in quotes")
    parser.add_argument("--time-limit", type=float, default=45.0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--only", nargs="*", help="names of sets")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    found = {"machine": machine(), "limits": options.limits, "time_limit_s": options.time_limit, "rows": []}
    for one in json.loads((options.data / "index.json").read_text()):
        for seed in options.seeds if not options.only or one["name"] in options.only else ():
            row = {"set": one["name"], "seed": seed} | compare(one, seed, options)
            found["rows"].append(row)
            print(json.dumps(row), flush=True)
            gains = [row["gain"] for row in found["rows"] if row["gain"] is not None]
            if gains:
                found["gain"] = interval(gains) | {"pairs": len(gains), "median": round(float(np.median(gains)), 5)}
            options.out.write_text(json.dumps(found, indent=1))
    print(json.dumps(found.get("gain")))


def compare(one: dict, seed: int, options: argparse.Namespace) -> dict:
    train, test = split(one, options.data, seed)
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(2) as pool:
        train.to_parquet(f"{folder}/train.parquet")
        test.drop(columns=one["target"]).to_parquet(f"{folder}/test.parquet")
        trees = {"this": HERE, "other": options.other.absolute()}
        fits = {name: pool.submit(fit, tree, Path(folder, name), one, seed, options) for name, tree in trees.items()}
        models = {name: fit.result() for name, fit in fits.items()}
        for name, model in models.items():
            predicted = Path(folder, name, "predicted.parquet")
            if predicted.exists():
                model["score"] = round(score_of(pd.read_parquet(predicted), test[one["target"]], one["task"]), 6)
    return models | {"gain": gain(one, train[one["target"]], test[one["target"]], models)}


def fit(tree: Path, folder: Path, one: dict, seed: int, options: argparse.Namespace) -> dict:
    """Fit with a version, and let it predict; nothing is left where there is no model."""
    folder.mkdir()
    path = os.pathsep.join(str(part) for part in (tree, tree / "runtime", tree / "exporters"))

    def command(*words: object) -> subprocess.CompletedProcess[str]:
        return run([sys.executable, "-P", "-m", "lean_automl", *map(str, words)], {**os.environ, "PYTHONPATH": path})

    known = ("--target", one["target"], "--task", one["task"], "--seed", seed, "--threads", 1, "--quiet")
    table, out = folder.parent / "train.parquet", folder / "model"
    done = command("fit", table, *known, "--time-limit", options.time_limit, *options.limits.split(), "--out", out)
    if done.returncode != 0:
        return {"error": done.stderr.strip()[-200:]}
    command("predict", out / "model.lam", folder.parent / "test.parquet", "--out", folder / "predicted.parquet")
    record = json.loads((out / "run.json").read_text())
    return {"family": record["student"]["family"], "trials": len(record["trials"])}


def gain(one: dict, known: pd.Series, new: pd.Series, models: dict[str, dict]) -> float | None:
    if any("score" not in model for model in models.values()):
        return None
    sign = 1.0 if METRICS[one["task"]] == "roc_auc" else -1.0
    this, other = (sign * models[name]["score"] for name in ("this", "other"))
    if one["task"] == "binary":
        constant = 0.5
    elif one["task"] == "multiclass":
        constant = float(np.mean(np.log(new.map(known.value_counts(normalize=True)).astype(float))))
    else:
        constant = -float(np.sqrt(np.mean((new - known.mean()) ** 2)))
    return round((this - other) / (max(this, other) - constant), 5)


if __name__ == "__main__":
    main()
