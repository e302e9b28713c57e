"""Score `lean_automl fit` on rows that it never gets, beside what other systems scored on the same split.

Three quarters of each table are fitted, the rest is predicted by the exported `model.lam`. The normalised score is 0
for the constant predictor and 1 for the best system of the file of references. Split: scikit-learn's
`train_test_split(test_size=0.25, random_state=seed)`, stratified for classes; classes with fewer than 4 rows are left
out. References were made with seed 0.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from bars import Bar, as_json, at_least, shown
from machine import machine
from sklearn.metrics import log_loss, roc_auc_score, root_mean_squared_error
from sklearn.model_selection import train_test_split

FEWEST_OF_A_CLASS = 4
BUDGETS = {
    "2ms": ("--max-latency-ms", "2"),
    "50us-256kB": ("--serve-with", "native", "--max-latency-us", "50", "--max-size-kb", "256"),
    "5us-32kB": ("--serve-with", "native", "--max-latency-us", "5", "--max-size-kb", "32"),
    "1us-4kB": ("--serve-with", "c", "--max-latency-us", "1", "--max-size-kb", "4"),
}
BARS = {  # mean gain over other systems on the same sets, and the worst set
    "2ms": ({"bag": 0.0, "autogluon-best": 0.02}, 0.96),
    "50us-256kB": ({"chimeraboost": 0.0, "autogluon-best": 0.0}, 0.95),
    "5us-32kB": ({"autogluon-best": 0.0}, 0.93),
    "1us-4kB": ({}, None),
}
METRICS = {"binary": "roc_auc", "multiclass": "log_loss", "regression": "rmse"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with index.json and the tables")
    parser.add_argument("--references", type=Path, required=True, help="JSON: scores of other systems by set")
    parser.add_argument("--budget", choices=BUDGETS, default="2ms")
    parser.add_argument("--time-limit", type=float, default=120.0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--only", nargs="*", help="names of sets")
    parser.add_argument("--out", type=Path, help="result file (default: results/quality-BUDGET-TIMEs.json)")
    options = parser.parse_args()
    name = f"quality-{options.budget}-{options.time_limit:g}s.json"
    out = options.out or Path(__file__).parent / "results" / name
    references = json.loads(options.references.read_text())["sets"]
    found = {
        "machine": machine(),
        "budget": BUDGETS[options.budget],
        "time_limit_s": options.time_limit,
        "rows": [],
    }
    for one in json.loads((options.data / "index.json").read_text()):
        if options.only and one["name"] not in options.only:
            continue
        for seed in options.seeds:
            row = {"set": one["name"], "seed": seed} | fit_and_score(one, seed, options)
            row |= compared(row, references.get(one["name"]))
            found["rows"].append(row)
            print(json.dumps(row), flush=True)
            normalised = [row["normalised"] for row in found["rows"] if row.get("normalised") is not None]
            found["mean_normalised"] = round(float(np.mean(normalised)), 4) if normalised else None
            found["bars"] = as_json(bars(found["rows"], options.budget))
            out.write_text(json.dumps(found, indent=1))
    print("mean normalised score", found["mean_normalised"])
    print(shown(bars(found["rows"], options.budget)))


def split(one: dict, data: Path, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows that are fitted, and those that judge."""
    frame, target = pd.read_parquet(data / one["file"]), one["target"]
    classes = one["task"] != "regression"
    if classes:
        counts = frame[target].value_counts()
        frame = frame[frame[target].isin(counts[counts >= FEWEST_OF_A_CLASS].index)]
    return train_test_split(frame, test_size=0.25, random_state=seed, stratify=frame[target] if classes else None)


def fit_and_score(one: dict, seed: int, options: argparse.Namespace) -> dict[str, object]:
    target, (train, test) = one["target"], split(one, options.data, seed)
    with tempfile.TemporaryDirectory() as folder:
        train.to_parquet(f"{folder}/train.parquet")
        test.drop(columns=target).to_parquet(f"{folder}/test.parquet")
        command = [sys.executable, "-m", "lean_automl", "fit", f"{folder}/train.parquet", "--target", target]
        command += ["--task", one["task"], "--time-limit", str(options.time_limit), "--seed", str(seed), "--quiet"]
        begin = time.perf_counter()
        done = run([*command, *BUDGETS[options.budget], "--out", f"{folder}/model"])
        row: dict[str, object] = {"exit": done.returncode, "wall_s": round(time.perf_counter() - begin, 1)}
        if done.returncode != 0:
            return row | {"error": done.stderr.strip()[-300:]}
        model, predicted = f"{folder}/model/model.lam", f"{folder}/predicted.parquet"
        run([sys.executable, "-m", "lean_automl", "predict", model, f"{folder}/test.parquet", "--out", predicted])
        record = json.loads(Path(folder, "model", "run.json").read_text())
        score = score_of(pd.read_parquet(predicted), test[target], one["task"])
    row |= {"metric": METRICS[one["task"]], "score": round(score, 6), "family": record["student"]["family"]}
    row |= {"own_holdout": record["student_holdout"], "teacher_holdout": record["teacher_holdout"]}
    row |= {"trials": len(record["trials"]), "teacher_bags": len(record["members"]), "seconds": record["seconds"]}
    row["kB"] = {check["file"]: round(check["value"], 1) for check in record["checks"] if check["unit"] == "kB"}
    row["p50_us"] = {f"{m['artifact']}, {m['engine']}": p50_of(m) for m in record["measurements"]}
    return row


def p50_of(measurement: dict) -> float:
    return round(next(q["value_us"] for q in measurement["total"]["quantiles"] if q["quantile"] == 0.5), 2)


def run(command: list[str], environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def score_of(predicted: pd.DataFrame, truth: pd.Series, task: str) -> float:
    if task == "regression":
        return float(root_mean_squared_error(truth, predicted["prediction"]))
    columns = [name for name in predicted.columns if name.startswith("probability_")]
    labels = [name.removeprefix("probability_") for name in columns]
    proba = predicted[columns].to_numpy()
    text = truth.astype(str).map(lambda value: value.removesuffix(".0")).to_numpy()
    labels = [label.removesuffix(".0") for label in labels]
    if task == "binary":
        return float(roc_auc_score(text == labels[1], proba[:, 1]))
    order = np.argsort(labels)
    return float(log_loss(text, proba[:, order], labels=np.asarray(labels)[order]))


def compared(row: dict, reference: dict | None) -> dict[str, object]:
    if reference is None or "score" not in row:
        return {"normalised": None}
    systems = {name.removeprefix("ref-"): system for name, system in reference["systems"].items()}
    scores = {name: system["score"] for name, system in systems.items() if "score" in system}
    best = max(scores.values()) if row["metric"] == "roc_auc" else min(scores.values())
    scale = best - reference["constant"]
    against = {name: round((scores[name] - reference["constant"]) / scale, 4) for name in scores}
    return {"normalised": round((row["score"] - reference["constant"]) / scale, 4), "others": against}


def bars(rows: list[dict], budget: str) -> list[Bar]:
    """What the rows so far say."""
    scored = [row for row in rows if row.get("normalised") is not None]
    if not scored:
        return []
    others, worst = BARS[budget]
    own = np.array([row["normalised"] for row in scored])
    made = sum(row["exit"] == 0 for row in rows)
    found = [at_least("share of fits with a model", 1.0, round(made / len(rows), 4))]
    for name, gain in others.items():
        pairs = [(row["normalised"], row["others"][name]) for row in scored if name in row["others"]]
        if pairs:
            measured = float(np.mean([ours - theirs for ours, theirs in pairs]))
            found.append(at_least(f"mean gain over {name}", gain, round(measured, 4), f" ({len(pairs)} sets)"))
    if budget == "2ms":
        pairs = [(row["normalised"], row["others"].get("autogluon-best", np.inf)) for row in scored]
        equal = float(np.mean([ours >= theirs for ours, theirs in pairs]))
        found.append(at_least("share of sets not below autogluon-best", 0.75, round(equal, 4)))
    if worst is not None:
        found.append(at_least("worst set, normalised", worst, round(float(own.min()), 4)))
    else:
        found.append(at_least("mean, normalised", 0.95, round(float(own.mean()), 4)))
        found.append(at_least("share of sets of 0.99 or more", 1 / 3, round(float(np.mean(own >= 0.99)), 4)))
    return found


if __name__ == "__main__":
    main()
