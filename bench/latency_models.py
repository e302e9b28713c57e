"""Models of the latency benchmark: a student and a LightGBM model of one table, on one split."""

import itertools
import struct
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from lean_automl_exporters.c.export import row_fields
from lean_automl_runtime.engines import make_engine
from lean_automl_runtime.ir import Program
from lean_automl_runtime.model import Model
from sklearn.metrics import roc_auc_score, root_mean_squared_error
from sklearn.model_selection import KFold, StratifiedKFold, train_test_split

from lean_automl.compiler.assemble import assemble
from lean_automl.data import load_dataset
from lean_automl.features import fit_features
from lean_automl.learners.base import FitOptions, Problem, Rows
from lean_automl.learners.chimeraboost import ChimeraBoost

ROWS = 4_000
LIGHTGBM = {"num_leaves": 31, "min_data_in_leaf": 20, "num_threads": 2, "seed": 0, "verbosity": -1}
RATES = (0.05, 0.1)
MOST_TREES = 1_000
# Trees, rate and depth of students.
SIZES = ((100, 0.1, 4), (100, 0.2, 6), (200, 0.1, 6), (300, 0.05, 6), (300, 0.1, 6), (400, 0.07, 6))
HELD_BACK = ((1.0, 1.0), (0.3, 3.0))  # share of the columns that a tree may use, and l2
SMALL = 10_000
FOLDS = 3


@dataclass(frozen=True)
class Split:
    """A table in three parts; `name`, `target` and `task` as in index.json."""

    name: str
    target: str
    task: str
    train: pd.DataFrame
    valid: pd.DataFrame
    test: pd.DataFrame

    @property
    def is_regression(self) -> bool:
        return self.task == "regression"

    def y(self, frame: pd.DataFrame) -> Any:
        if self.is_regression:
            return frame[self.target].to_numpy(float)
        return (frame[self.target].astype(str) == max(self.train[self.target].astype(str))).to_numpy(int)

    def score(self, predicted: Any, frame: pd.DataFrame) -> float:
        """Greater is better: ROC AUC, or the negative RMSE."""
        if self.is_regression:
            return -float(root_mean_squared_error(self.y(frame), predicted))
        return float(roc_auc_score(self.y(frame), predicted))


def split_of(one: dict[str, Any], folder: Path) -> Split:
    frame = pd.read_parquet(folder / one["file"])
    frame = frame[frame[one["target"]].notna()].reset_index(drop=True)
    strata = None if one["task"] == "regression" else frame[one["target"]]
    rest, test = train_test_split(frame, test_size=0.25, random_state=0, stratify=strata)
    strata = None if strata is None else rest[one["target"]]
    train, valid = train_test_split(rest, test_size=0.2, random_state=0, stratify=strata)
    return Split(one["name"], one["target"], one["task"], train, valid, test)


def student(split: Split) -> tuple[Program, dict[str, Any]]:
    """The student of the best score on the validation rows; of a small table, on those of several folds."""
    tried: list[tuple[float, dict[str, Any]]] = []
    for (trees, rate, depth), linear, (share, l2) in itertools.product(SIZES, (False, True), HELD_BACK):
        shape = {"trees": trees, "depth": depth, "learning_rate": rate, "linear": linear, "colsample": share, "l2": l2}
        scores = [fit_student(own, ChimeraBoost(**shape))[1]["valid"] for own in folds(split)]
        tried.append((float(np.mean(scores)), shape))
    score, shape = max(tried, key=lambda one: one[0])
    program, info = fit_student(split, ChimeraBoost(**shape))
    return program, {**shape, **info, "chosen_by": score}


def folds(split: Split) -> list[Split]:
    """The split itself, or, where its few validation rows would choose by luck, several of the rows without test."""
    rows = pd.concat([split.train, split.valid], ignore_index=True)
    if len(rows) >= SMALL:
        return [split]
    kind = KFold if split.is_regression else StratifiedKFold
    parts = kind(FOLDS, shuffle=True, random_state=0).split(rows, split.y(rows))
    return [replace(split, train=rows.iloc[train], valid=rows.iloc[valid]) for train, valid in parts]


def fit_student(split: Split, learner: ChimeraBoost) -> tuple[Program, dict[str, Any]]:
    data, check = load_dataset(split.train, split.target), None
    plan = fit_features(data.table)
    problem = Problem(data.schema.task, len(data.schema.classes) or 1)
    fitted = learner.fit(Rows(plan.frame(data.table), data.y), check, problem, FitOptions(threads=2))
    program = assemble(fitted, plan, data.schema)
    scores = {name: split.score(predicted(program, frame), frame) for name, frame in parts(split)}
    return program, {"trees": fitted.rounds, **scores}


def parts(split: Split) -> list[tuple[str, pd.DataFrame]]:
    return [("valid", split.valid), ("test", split.test)]


def predicted(program: Program, frame: pd.DataFrame) -> Any:
    model = Model(make_engine(program, "native"), program.columns, program.classes, {})
    return model.predict_proba(frame)[:, 1] if program.classes else model.predict(frame)


def codes_of(program: Program) -> list[tuple[str, tuple[str, ...]]]:
    """Columns and their categories in the order of their codes."""
    fields = row_fields(program)
    dictionaries = [field.column.dictionary for field in fields]
    own = [() if found is None else tuple(found.categories) for found in dictionaries]
    return [(field.column.name, categories) for field, categories in zip(fields, own, strict=True)]


def texts_of(program: Program, frame: pd.DataFrame) -> list[tuple[Any, list[str]]]:
    """For each column of the row's struct, the field and the cells as texts."""
    found = []
    for field in row_fields(program):
        column = frame[field.column.name]
        found.append((field, ["" if pd.isna(v) else str(v) for v in column.tolist()]))
    return found


def matrix(program: Program, frame: pd.DataFrame) -> Any:
    """float64: numbers with NaN for missing ones, and codes of categories as the exported header numbers them."""
    columns = []
    for field, texts in texts_of(program, frame):
        if field.column.dictionary is None:
            columns.append(pd.to_numeric(frame[field.column.name]).astype(float).to_numpy(np.float64, na_value=np.nan))
        else:
            codes = {text: code for code, text in enumerate(field.column.dictionary.categories, start=2)} | {"": 0}
            columns.append(np.array([codes.get(text, 1) for text in texts], np.float64))
    return np.column_stack(columns)


def lightgbm_model(split: Split, program: Program) -> tuple[Any, dict[str, Any]]:
    """The better of two learning rates, each stopped early on the validation rows."""
    import lightgbm

    categories = [j for j, field in enumerate(row_fields(program)) if field.column.dictionary is not None]
    x = {name: matrix(program, frame) for name, frame in [("train", split.train), *parts(split)]}
    data = lightgbm.Dataset(x["train"], split.y(split.train), categorical_feature=categories or "auto")
    valid = data.create_valid(x["valid"], split.y(split.valid))
    objective = {"objective": "regression", "metric": "rmse"} if split.is_regression else {"objective": "binary"}
    found: list[tuple[float, Any, float]] = []
    for rate in RATES:
        settings = {**LIGHTGBM, **objective, "learning_rate": rate}
        stop = lightgbm.early_stopping(50, verbose=False)
        booster = lightgbm.train(settings, data, MOST_TREES, valid_sets=[valid], callbacks=[stop])
        booster = lightgbm.Booster(model_str=booster.model_to_string(num_iteration=booster.best_iteration))
        found.append((split.score(booster.predict(x["valid"]), split.valid), booster, rate))
    score, booster, rate = max(found, key=lambda one: one[0])
    test = split.score(booster.predict(x["test"]), split.test)
    return booster, {"trees": booster.num_trees(), "learning_rate": rate, "valid": score, "test": test}


def write_rows(program: Program, frame: pd.DataFrame, path: Path) -> None:
    """Rows for the C loop: the matrix, and each cell as text."""
    x = matrix(program, frame)
    columns = [texts for _, texts in texts_of(program, frame)]
    pool = b"".join(text.encode() + b"\0" for row in zip(*columns, strict=True) for text in row)
    path.write_bytes(struct.pack("3i", *x.shape, len(pool)) + x.astype("<f8").tobytes() + pool)
