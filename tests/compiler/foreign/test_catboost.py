"""CatBoost models compile to what CatBoost predicts: numbers, one-hot categories, statistics of categories."""

from __future__ import annotations

from typing import Any

import catboost as cb
import numpy as np
import pandas as pd
import pytest
from foreign_probes import worst_difference
from lean_automl_runtime.ir import digest

from lean_automl.compiler.foreign import Request, compile_checked, compile_model
from lean_automl.errors import UnsupportedOpError

TOLERANCE = 5e-7
TEXT = ["city", "size", "many"]
FOCAL = "Focal:focal_alpha=0.3;focal_gamma=2"


def frame(count: int = 500, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    made = pd.DataFrame(
        {
            "number": rng.normal(size=count),
            "city": rng.choice(["Łódź", "Rome", "oslo", "x y", "Bern"], count),
            "other": rng.normal(size=count),
            "size": rng.choice(["s", "m", "l"], count),
            "many": [f"item {i}" for i in rng.integers(0, 30, count)],
        }
    )
    made.loc[rng.random(count) < 0.15, "number"] = np.nan
    return made


def target(x: pd.DataFrame) -> np.ndarray:
    many = x["many"].str[5:].astype(int) % 4
    return (x["number"].fillna(1) + (x["city"] > "Rome") * 2 + (x["size"] == "m") * x["other"] + many).to_numpy()


def categories() -> dict[str, tuple[str, ...]]:
    return {name: tuple(sorted(set(frame()[name]))) for name in TEXT}


def fitted(loss: str = "RMSE", classes: int = 0, text: bool = True, **more: Any) -> cb.CatBoost:
    x = frame()
    y = target(x)
    if classes:
        y = np.array(["no", "yes", "maybe", "often", "never"])[
            np.digitize(y, np.quantile(y, np.linspace(0, 1, classes + 1)[1:-1]))
        ]
    names = list(x.columns) if text else ["number", "other"]
    parameters = {"iterations": 12, "depth": 4, "learning_rate": 0.3, "random_seed": 0, "thread_count": 1, **more}
    model = cb.CatBoost({"loss_function": loss, "verbose": 0, "allow_writing_files": False, **parameters})
    return model.fit(
        cb.Pool(x[names], np.abs(y) if loss.startswith(("Poisson", "Tweedie")) else y, TEXT if text else None)
    )


KNOWN = Request(categories=categories())


@pytest.mark.parametrize(
    ("loss", "classes"),
    [
        ("Logloss", 2),
        ("MultiClass", 3),
        ("MultiClass", 5),
        ("MultiClassOneVsAll", 3),
        ("RMSE", 0),
        ("MAE", 0),
        (FOCAL, 2),
    ],
)
@pytest.mark.parametrize("nan_mode", ["Min", "Max"])
def test_numbers(loss: str, classes: int, nan_mode: str) -> None:
    model = fitted(loss, classes, text=False, nan_mode=nan_mode)
    assert worst_difference(model, inf=True) < TOLERANCE


@pytest.mark.parametrize(("loss", "classes"), [("Logloss", 2), ("MultiClass", 3), ("RMSE", 0)])
@pytest.mark.parametrize(
    "more",
    [
        {"one_hot_max_size": 40},
        {"one_hot_max_size": 2, "max_ctr_complexity": 1},
        {"one_hot_max_size": 3, "max_ctr_complexity": 2},
        {"one_hot_max_size": 2, "max_ctr_complexity": 3, "depth": 6, "iterations": 20},
        {"one_hot_max_size": 2, "max_ctr_complexity": 3, "depth": 6, "iterations": 20, "nan_mode": "Max"},
        {"simple_ctr": ["BinarizedTargetMeanValue", "Counter"], "max_ctr_complexity": 1},
        {"simple_ctr": ["Buckets"], "combinations_ctr": ["Buckets", "Counter"], "max_ctr_complexity": 2},
    ],
    ids=["one-hot", "simple", "pairs", "triples", "triples, NaN above", "means and counts", "buckets"],
)
def test_categories(loss: str, classes: int, more: dict[str, Any]) -> None:
    assert worst_difference(fitted(loss, classes, **more), KNOWN) < TOLERANCE


@pytest.mark.parametrize("loss", ["Poisson", "Tweedie:variance_power=1.5"])
def test_log_links(loss: str) -> None:
    assert worst_difference(fitted(loss, text=False)) < TOLERANCE


@pytest.mark.parametrize("policy", ["Depthwise", "Lossguide"])
@pytest.mark.parametrize(("loss", "classes"), [("Logloss", 2), ("MultiClass", 3), ("RMSE", 0)])
def test_trees_of_any_shape(policy: str, loss: str, classes: int) -> None:
    model = fitted(loss, classes, grow_policy=policy, max_ctr_complexity=1)
    assert worst_difference(model, KNOWN) < TOLERANCE


def test_files_that_know_their_categories(tmp_path: Any) -> None:
    model = fitted("Logloss", 2)
    path = tmp_path / "model.json"
    model.save_model(str(path), format="json", pool=cb.Pool(frame(), cat_features=TEXT))
    assert worst_difference(path, seeds=1) < TOLERANCE
    few = Request(categories={"many": ("item 3", "never seen")})
    assert worst_difference(path, few, seeds=1) < TOLERANCE
    assert compile_model(path).classes == ("no", "yes")


def test_cbm_files_take_categories_from_rows(tmp_path: Any) -> None:
    model = fitted("Logloss", 2)
    path = tmp_path / "model.cbm"
    model.save_model(str(path))
    compiled = compile_checked(path, sample=frame())
    assert compiled.parity is not None
    assert compiled.parity.rows == 500
    assert digest(compile_model(path, KNOWN)) == digest(compile_model(model, KNOWN))


def test_whole_numbers_as_categories_come_from_rows_too() -> None:
    x = pd.DataFrame({"zip": np.arange(400) % 25, "number": np.linspace(0, 1, 400)})
    model = cb.CatBoostRegressor(iterations=10, verbose=0, allow_writing_files=False, cat_features=["zip"])
    model.fit(x, x["zip"] % 4 + x["number"])
    compiled = compile_checked(model, sample=x)
    assert compiled.program.columns[0].dtype == "string"
    assert compiled.parity is not None
    assert compiled.parity.largest_difference < TOLERANCE


def test_hashes_without_texts_are_refused(tmp_path: Any) -> None:
    model = fitted("Logloss", 2)
    path = tmp_path / "model.cbm"
    model.save_model(str(path))
    with pytest.raises(UnsupportedOpError, match="only by their hashes"):
        compile_model(path)
    with pytest.raises(UnsupportedOpError, match="'many' has"):
        compile_model(path, sample=frame(count=40))


def test_estimators_and_nameless_columns() -> None:
    x = frame()[["number", "other"]].to_numpy()
    model = cb.CatBoostClassifier(iterations=4, verbose=0, allow_writing_files=False, thread_count=1)
    model.fit(x, np.arange(500) % 3)
    program = compile_model(model)
    assert [column.name for column in program.columns] == ["x0", "x1"]
    assert program.classes == (0, 1, 2)
    assert worst_difference(model) < TOLERANCE


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({"loss": "RMSEWithUncertainty"}, "RMSEWithUncertainty"),
    ],
)
def test_refusals_name_what_is_refused(more: dict[str, Any], named: str) -> None:
    with pytest.raises(UnsupportedOpError, match=named):
        compile_model(fitted(**more), KNOWN)


def test_text_features_are_refused() -> None:
    x = pd.DataFrame({"number": np.arange(100.0), "words": ["one two", "three four"] * 50})
    model = cb.CatBoostClassifier(iterations=2, verbose=0, allow_writing_files=False, text_features=["words"])
    model.fit(x, np.arange(100) % 2)
    with pytest.raises(UnsupportedOpError, match="text features only in cbm"):
        compile_model(model)
