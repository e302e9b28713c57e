"""Bytes and scores of small networks with weights of 32, 11, 8 and 6 bits, on rows that none has seen.

A quarter of each table judges; a fifth of the rest stops the fits. A score is normalised: 0 is the constant predictor,
1 the best network of that table and seed in float32. Losses are paired, with their 95 % interval over all networks.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
from lean_automl_runtime.ir import Program
from machine import machine
from paired import constant_score, interval, parted, rows_of

from lean_automl.compiler.assemble import assemble
from lean_automl.compiler.passes import optimise
from lean_automl.compiler.passes.quantise_weights import QuantiseWeights
from lean_automl.compiler.passes.round_tables import RoundTables
from lean_automl.features import fit_features
from lean_automl.learners.base import FitOptions, Rows
from lean_automl.learners.mlp import MLP
from lean_automl.search.metrics import make_metric
from lean_automl.student.deploy import ARTIFACT_FILE, Deployment, limited_bytes
from lean_automl.student.header import HEADER_FILE
from lean_automl.student.trial import score_program

FILES = Deployment({ARTIFACT_FILE: "native", HEADER_FILE: "c"})
SHAPES = ((16,), (32,), (64,), (32, 32))
FORMS = {
    "float32": lambda program: program,
    "11 bits": lambda program: optimise(RoundTables().run(program)),
    "8 bits": lambda program: optimise(QuantiseWeights(8).run(RoundTables().run(program))),
    "6 bits": lambda program: optimise(QuantiseWeights(6).run(RoundTables().run(program))),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with index.json and the tables")
    parser.add_argument("--only", nargs="*", help="names of sets")
    parser.add_argument("--rows", type=int, default=8_000, help="most rows of a table")
    parser.add_argument("--fit-s", type=float, default=10.0, help="most seconds of a fit")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "weights.json")
    options = parser.parse_args()
    found = {"machine": machine(), "most_rows": options.rows, "rows": []}
    for one in json.loads((options.data / "index.json").read_text()):
        for seed in options.seeds if not options.only or one["name"] in options.only else ():
            found["rows"] += judged(options.data / one["file"], one, seed, options)
            found["forms"] = {form: summary(found["rows"], form) for form in FORMS}
            options.out.write_text(json.dumps(found, indent=1))
    print(json.dumps(found["forms"], indent=1))


def judged(path: Path, one: dict, seed: int, options: argparse.Namespace) -> list[dict]:
    """Each network of a table in every form."""
    dataset, problem = rows_of(path, one, options.rows, seed)
    metric = make_metric("neg_log_loss" if problem.task.is_classification else None, problem.task, problem.outputs)
    own, test = parted(dataset, 0.25, seed)
    train, valid = parted(dataset, 0.2, seed, own)
    plan = fit_features(dataset.table.take(own))
    rows, new = Rows(plan.frame(dataset.table), dataset.y, dataset.weight), dataset.take(test)
    made = []
    for widths in SHAPES:
        network = MLP(widths, bins=0, dropout=0.0, learning_rate=8e-3, weight_decay=1e-2)
        asked = FitOptions(seed, 1, time.monotonic() + options.fit_s)
        fitted = network.fit(rows.take(train), rows.take(valid), problem, asked)
        program = optimise(assemble(fitted, plan, dataset.schema))
        forms = {form: make(program) for form, make in FORMS.items()}
        scores = {form: score_program(each, new.table, new.y, metric, new.weight) for form, each in forms.items()}
        made.append({"widths": widths, "score": scores, "bytes": {form: sizes(each) for form, each in forms.items()}})
    constant = constant_score(metric, problem, dataset.take(own), new)
    best = max(row["score"]["float32"] for row in made)
    for row in made:
        row["score"] = {form: (score - constant) / (best - constant) for form, score in row["score"].items()}
        print(one["name"], seed, json.dumps(row), flush=True)
    return [{"set": one["name"], "seed": seed, **row} for row in made]


def sizes(program: Program) -> dict[str, int]:
    """Bytes of the artifact, and of a header's code and tables as compiled."""
    return {name: limited_bytes(name, content) for name, content in FILES.contents(program).items()}


def summary(rows: list[dict], form: str) -> dict[str, object]:
    """Loss against float32, and shares of its bytes: the median and the least."""
    shares = {
        name: [row["bytes"][form][name] / row["bytes"]["float32"][name] for row in rows] for name in FILES.engines
    }
    return {
        "loss": interval([row["score"]["float32"] - row["score"][form] for row in rows]),
        "bytes": {name: round(float(np.median(own)), 3) for name, own in shares.items()},
        "least": {name: round(min(own), 3) for name, own in shares.items()},
    }


if __name__ == "__main__":
    main()
