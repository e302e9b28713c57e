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


class CatBoostOnnx:
    """CatBoost's own export, which takes numbers: categories become codes in Python."""

    package = "catboost"

    def fit(self, asked: Asked, x: pd.DataFrame, y: pd.Series) -> None:
        from catboost import CatBoostClassifier, CatBoostRegressor

        texts = [name for name in x.columns if not pd.api.types.is_numeric_dtype(x[name])]
        self.codes = {name: {text: code for code, text in enumerate(sorted(set(x[name].dropna())))} for name in texts}
        self.columns = list(x.columns)
        kind = CatBoostRegressor if asked["task"] == "regression" else CatBoostClassifier
        model = kind(random_seed=0, thread_count=2, verbose=0, allow_writing_files=False).fit(self.matrix(x), y)
        saved = Path(asked["saved"])
        model.save_model(str(saved / "model.onnx"), format="onnx")
        (saved / "codes.json").write_text(json.dumps({"columns": self.columns, "codes": self.codes}))

    def matrix(self, x: pd.DataFrame) -> Any:
        columns = [x[name].map(self.codes[name]) if name in self.codes else x[name] for name in self.columns]
        return np.stack([column.astype(np.float32).to_numpy() for column in columns], axis=1)

    def load(self, asked: Asked) -> None:
        import onnxruntime as ort

        saved, options = Path(asked["saved"]), ort.SessionOptions()
        options.intra_op_num_threads = 1
        described = json.loads((saved / "codes.json").read_text())
        self.columns, self.codes = described["columns"], described["codes"]
        self.session = ort.InferenceSession(str(saved / "model.onnx"), options)
        self.classifies = asked["task"] != "regression"

    def one(self, record: dict[str, Any]) -> Any:
        codes = self.codes
        row = [codes[n].get(record[n], np.nan) if n in codes else record[n] for n in self.columns]
        return self._run(np.array([row], dtype=np.float32))

    def batch(self, x: pd.DataFrame) -> Any:
        return self._run(self.matrix(x))

    def _run(self, matrix: Any) -> Any:
        found = self.session.run(None, {"features": matrix})
        return np.array([list(row.values())[-1] for row in found[1]]) if self.classifies else found[0][:, 0]


class Ydf:
    package = "ydf"

    def fit(self, asked: Asked, x: pd.DataFrame, y: pd.Series) -> None:
        import ydf

        classifies = asked["task"] != "regression"
        task = ydf.Task.CLASSIFICATION if classifies else ydf.Task.REGRESSION
        learner = ydf.GradientBoostedTreesLearner(label=asked["target"], task=task, num_threads=2)
        rows = self.filled(x).assign(**{asked["target"]: y.astype(str) if classifies else y})
        learner.train(rows, verbose=0).save(str(Path(asked["saved"]) / "model"))

    def load(self, asked: Asked) -> None:
        import ydf

        self.model = ydf.load_model(str(Path(asked["saved"]) / "model"))
        classes = self.model.label_classes() if asked["task"] != "regression" else []
        self.is_turned = bool(classes) and classes[1] != max(classes)

    def filled(self, x: pd.DataFrame) -> pd.DataFrame:
        """A missing text is the empty one."""
        texts = [name for name in x.columns if not pd.api.types.is_numeric_dtype(x[name])]
        return x.assign(**{name: x[name].astype(object).where(x[name].notna(), "") for name in texts})

    def one(self, record: dict[str, Any]) -> Any:
        return self._run({name: np.array(["" if value is None else value]) for name, value in record.items()})

    def batch(self, x: pd.DataFrame) -> Any:
        return self._run(self.filled(x))

    def _run(self, rows: Any) -> Any:
        found = self.model.predict(rows)
        return 1.0 - found if self.is_turned else found


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
    "catboost_onnx": CatBoostOnnx,
    "ydf": Ydf,
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
