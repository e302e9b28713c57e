"""One stage of one system, in the Python that has it: `worker.py fit|serve SYSTEM asked.json`; prints JSON at the end.

`fit` reads train.parquet and saves what would ship. `serve` loads that, times records one by one, then a batch, and
writes predicted.parquet with the probability of the last class in sorted order, or the number.
"""

import json
import pickle
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd

Asked = dict[str, Any]
BATCH = 100_000
METRICS = {"autogluon": ("roc_auc", "root_mean_squared_error"), "flaml": ("roc_auc", "rmse")}


class Lean:
    package = "lean-automl"

    def fit(self, asked: Asked, x: pd.DataFrame, y: pd.Series) -> None:  # noqa: ARG002 - it reads the file
        table = Path(asked["folder"]) / "train.parquet"
        command = [sys.executable, "-m", "lean_automl", "fit", str(table), "--target", asked["target"], "--quiet"]
        command += ["--time-limit", str(asked["time_limit_s"]), "--max-latency-ms", "2", "--task", asked["task"]]
        folder = Path(asked["saved"]) / "run"
        done = subprocess.run([*command, "--out", str(folder)], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(done.stderr.strip())
        (folder / "model.lam").rename(Path(asked["saved"]) / "model.lam")
        for file in folder.iterdir():
            file.unlink()

    def load(self, asked: Asked) -> None:
        from lean_automl_runtime import load

        self.model = load(Path(asked["saved"]) / "model.lam")

    def one(self, record: dict[str, Any]) -> Any:
        return self.model.predict_one(record)

    def batch(self, x: pd.DataFrame) -> Any:
        return self.model.predict_proba(x)[:, -1] if self.model.classes else self.model.predict(x)


class Pickled:
    """What is pickled, and takes DataFrames."""

    def save(self, asked: Asked, model: Any) -> None:
        (Path(asked["saved"]) / "model.pkl").write_bytes(pickle.dumps(model, protocol=5))

    def load(self, asked: Asked) -> None:
        self.model = pickle.loads((Path(asked["saved"]) / "model.pkl").read_bytes())
        self.classifies = asked["task"] != "regression"

    def one(self, record: dict[str, Any]) -> Any:
        return self.batch(pd.DataFrame([record]))

    def batch(self, x: pd.DataFrame) -> Any:
        return self.model.predict_proba(x)[:, -1] if self.classifies else self.model.predict(x)


class Pipeline(Pickled):
    package = "scikit-learn"

    def fit(self, asked: Asked, x: pd.DataFrame, y: pd.Series) -> None:
        from sklearn.compose import make_column_transformer
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
        from sklearn.impute import SimpleImputer
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import OrdinalEncoder

        texts = [name for name in x.columns if not pd.api.types.is_numeric_dtype(x[name])]
        encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan, max_categories=255)
        numbers = [name for name in x.columns if name not in texts]
        steps = make_column_transformer((encoder, texts), (SimpleImputer(strategy="median"), numbers))
        kind = HistGradientBoostingRegressor if asked["task"] == "regression" else HistGradientBoostingClassifier
        self.save(asked, make_pipeline(steps, kind(random_state=0)).fit(x, y))


class Flaml(Pickled):
    package = "flaml"

    def fit(self, asked: Asked, x: pd.DataFrame, y: pd.Series) -> None:
        from flaml import AutoML

        regression = asked["task"] == "regression"
        model = AutoML()
        settings = {"metric": METRICS["flaml"][regression], "time_budget": asked["time_limit_s"], "verbose": 0}
        model.fit(x, y, task="regression" if regression else "classification", seed=0, **settings)
        self.save(asked, model)


class AutoGluon:
    package = "autogluon.tabular"
    settings: ClassVar = {"presets": "best_quality", "dynamic_stacking": False}

    def fit(self, asked: Asked, x: pd.DataFrame, y: pd.Series) -> None:
        from autogluon.tabular import TabularPredictor

        kind = {"binary": "binary", "regression": "regression"}[asked["task"]]
        metric = METRICS["autogluon"][kind == "regression"]
        work = Path(asked["folder"]) / f"work-{type(self).__name__}"
        predictor = TabularPredictor(
            asked["target"], problem_type=kind, eval_metric=metric, path=str(work), verbosity=0
        )
        predictor.fit(x.assign(**{asked["target"]: y}), time_limit=asked["time_limit_s"], **self.settings)
        predictor.clone_for_deployment(str(Path(asked["saved"]) / "predictor"))

    def load(self, asked: Asked) -> None:
        from autogluon.tabular import TabularPredictor

        self.model = TabularPredictor.load(str(Path(asked["saved"]) / "predictor"), verbosity=0)
        self.model.persist()
        self.classifies = asked["task"] != "regression"

    def one(self, record: dict[str, Any]) -> Any:
        return self.batch(pd.DataFrame([record]))

    def batch(self, x: pd.DataFrame) -> Any:
        if not self.classifies:
            return self.model.predict(x, as_pandas=False)
        return self.model.predict_proba(x)[max(self.model.class_labels, key=str)].to_numpy()


class QuickAutoGluon(AutoGluon):
    settings: ClassVar = {"presets": "medium_quality", "infer_limit": 0.002, "infer_limit_batch_size": 1}


SYSTEMS = {
    "lean": Lean,
    "pipeline": Pipeline,
    "flaml": Flaml,
    "autogluon_best": AutoGluon,
    "autogluon_quick": QuickAutoGluon,
}


def fit(system: Any, asked: Asked) -> dict[str, Any]:
    train = pd.read_parquet(Path(asked["folder"]) / "train.parquet")
    y = train.pop(asked["target"])
    system.fit(asked, train, y)
    return {"version": version(system.package)}


def serve(system: Any, asked: Asked) -> dict[str, Any]:
    test = pd.read_parquet(Path(asked["folder"]) / "test.parquet")
    records = [
        {name: None if pd.isna(value) else value for name, value in row.items()}
        for row in test.head(1_000).to_dict("records")
    ]
    begin = time.perf_counter()
    system.load(asked)
    load_s = time.perf_counter() - begin
    times, until = [], time.perf_counter() + 60
    for number in range(10 + asked["calls"]):
        record = records[number % len(records)]
        begin = time.perf_counter_ns()
        system.one(record)
        times.append(time.perf_counter_ns() - begin)
        if time.perf_counter() > until and number > 100:
            break
    times = np.array(times[10:]) / 1_000
    large = test.iloc[np.arange(BATCH) % len(test)].reset_index(drop=True)
    begin = time.perf_counter()
    system.batch(large)
    batch_s = time.perf_counter() - begin
    answers = np.asarray(system.batch(test), dtype=float).ravel()
    pd.DataFrame({"answer": answers}).to_parquet(Path(asked["folder"]) / "predicted.parquet")
    found = {"p50_us": round(float(np.median(times)), 2), "p99_us": round(float(np.quantile(times, 0.99)), 2)}
    return found | {"calls": len(times), "batch_s": round(batch_s, 3), "load_s": round(load_s, 3)}


if __name__ == "__main__":
    stage, name, path = sys.argv[1:]
    asked = json.loads(Path(path).read_text())
    print(json.dumps({"fit": fit, "serve": serve}[stage](SYSTEMS[name](), asked)))
