"""Fitted estimators: they predict what their files predict, take what scikit-learn's users pass, and travel."""

from __future__ import annotations

import io
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars
import pyarrow as pa
import pytest
from estimators.quick import QUICK
from lean_automl_runtime import load
from scipy import sparse
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tables import mixed_frame_for

from lean_automl import LeanClassifier, LeanRegressor
from lean_automl.data import Task
from lean_automl.search.metrics import make_metric
from lean_automl.sklearn import InputError, SettingError


def table(task: str, rows: int = 300) -> tuple[pd.DataFrame, pd.Series[Any]]:
    frame, target = mixed_frame_for(task, rows)
    return frame.drop(columns=target), frame[target]


def numbers(rows: int = 60) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, 3))
    return x, (x[:, 0] + 0.3 * x[:, 1] > 0).astype(int)


@pytest.fixture(scope="module")
def classifier() -> LeanClassifier:
    return LeanClassifier(**QUICK).fit(*table("multiclass"))


@pytest.fixture(scope="module")
def regressor() -> LeanRegressor:
    return LeanRegressor(**QUICK | {"families": ("oblivious",)}).fit(*table("regression"))


def test_a_classifier_predicts_what_its_file_predicts(classifier: LeanClassifier, tmp_path: Path) -> None:
    x, y = table("multiclass")
    model = load(classifier.save(tmp_path / "model.lam"))
    assert classifier.classes_.tolist() == list(model.classes) == ["high", "low", "mid"]
    np.testing.assert_array_equal(classifier.predict_proba(x), model.predict_proba(x))
    np.testing.assert_array_equal(classifier.predict(x), model.predict(x))
    assert classifier.score(x, y) > 0.6
    assert classifier.feature_names_in_.tolist() == list(x.columns)
    assert classifier.n_features_in_ == x.shape[1]


def test_features_of_the_users_own_are_in_the_file(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = pd.DataFrame({"debt": rng.random(300), "income": rng.random(300)})
    y = x["debt"] / (x["income"] + 0.1)
    share = LeanRegressor(**QUICK, features="share = debt / (income + 0.1)").fit(x, y)
    assert share.score(x, y) > LeanRegressor(**QUICK).fit(x, y).score(x, y) + 0.05
    model = load(share.save(tmp_path / "model.lam"))
    np.testing.assert_array_equal(share.predict(x), model.predict(x))
    with pytest.raises(SettingError, match="'dept' is not a column"):
        LeanRegressor(**QUICK, features=["share = dept / income"]).fit(x, y)


@pytest.mark.parametrize("classes", [2, 4])
def test_labels_follow_the_rule_for_the_metric_in_every_file(classes: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = pd.DataFrame(rng.normal(size=(1500, 3)), columns=["a", "b", "c"])
    scores = (
        x.to_numpy() @ rng.normal(size=(3, classes)) * 0.7
        + np.linspace(2.5, 0, classes)
        + rng.gumbel(size=(1500, classes))
    )
    y = np.array(["often", "rare", "seldom", "some"])[scores.argmax(axis=1)]
    metric = "f1" if classes == 2 else "f1_macro"
    model = LeanClassifier(**QUICK, metric=metric).fit(x, y)
    chances = model.predict_proba(x)
    assert (model.predict(x) != model.classes_[chances.argmax(axis=1)]).mean() > 0.02
    plain = LeanClassifier(**QUICK).fit(x, y)
    score = make_metric(metric, Task.BINARY if classes == 2 else Task.MULTICLASS, classes)
    truth = np.searchsorted(model.classes_, y)
    ruled, usual = (np.eye(classes)[np.searchsorted(model.classes_, one.predict(x))] for one in (model, plain))
    assert score(truth, ruled) > score(truth, usual) + 0.03
    for name in ("model.lam", "model.onnx"):
        np.testing.assert_array_equal(load(model.export(tmp_path / name)).predict(x), model.predict(x))
    np.testing.assert_allclose(chances, plain.predict_proba(x), atol=0.02)  # probabilities are no part of the rule


def test_a_monotone_column_is_so_in_the_file(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = pd.DataFrame(rng.normal(size=(400, 2)), columns=["a", "b"])
    y = x["a"] + np.sin(4 * x["a"]) + rng.normal(size=400) / 3
    settings = QUICK | {"families": ("ragged", "additive", "ordered"), "max_trials": 3}
    model = load(LeanRegressor(**settings, max_size_kb=20, monotone={"a": 1}).fit(x, y).save(tmp_path / "model.lam"))
    grid = pd.DataFrame({"a": np.linspace(-3, 3, 2000), "b": 0.3})
    steps = np.diff(model.predict(grid))
    assert steps.min() >= 0.0
    assert steps.max() > 0.01
    with pytest.raises(SettingError, match="'oblivious' cannot be used here"):
        LeanRegressor(**QUICK | {"families": "oblivious"}, monotone="a=+1").fit(x, y)


def test_balanced_classes_weigh_the_same_in_training() -> None:
    x, y = numbers(400)
    rare = y * (np.random.default_rng(0).random(400) < 0.2)
    plain, balanced = (
        LeanClassifier(**QUICK, class_weight=w).fit(x, rare).predict_proba(x)[:, 1] for w in (None, "balanced")
    )
    assert balanced.mean() > plain.mean() + 0.1
    weighed = LeanClassifier(**QUICK, class_weight={1: 5.0}).fit(x, rare).predict_proba(x)[:, 1]
    assert weighed.mean() > plain.mean() + 0.1
    with pytest.raises(ValueError, match="has no classes"):
        LeanRegressor(**QUICK, class_weight={1: 5.0}).fit(x, x[:, 0])
    with pytest.raises(SettingError, match="'equal' is not 'balanced'"):
        LeanClassifier(**QUICK, class_weight="equal").fit(x, rare)
    with pytest.raises(SettingError, match="has no classes"):
        LeanRegressor(**QUICK, class_weight="balanced").fit(x, x[:, 0])


def test_a_regressor_predicts_what_its_file_predicts(regressor: LeanRegressor, tmp_path: Path) -> None:
    x, y = table("regression")
    model = load(regressor.save(tmp_path / "model.lam"))
    np.testing.assert_array_equal(regressor.predict(x), model.predict(x).astype(np.float64))
    assert regressor.score(x, y) > 0.5


def test_it_says_what_the_run_found(classifier: LeanClassifier) -> None:
    assert classifier.result_.student.family == "linear"
    assert classifier.result_.measurements == [], "no limit asks for a latency"
    assert classifier.result_.teacher_score is None
    front = classifier.front()
    assert front.loc[0, "family"] == "linear"
    assert {"score", "rounds", "model.lam kB", "model.onnx us"} <= set(front.columns)
    importances = dict(zip(classifier.feature_names_in_, classifier.feature_importances_, strict=True))
    assert sum(importances.values()) == pytest.approx(1.0)
    assert min(importances.values()) >= 0


def test_files_of_every_form(classifier: LeanClassifier, tmp_path: Path) -> None:
    x, _ = table("multiclass")
    onnx = load(classifier.export(tmp_path / "model.onnx"))
    np.testing.assert_allclose(onnx.predict_proba(x), classifier.predict_proba(x), atol=1e-5)
    assert "model_predict" in classifier.export(tmp_path / "model.h").read_text()
    assert classifier.export(tmp_path / "named_otherwise", to="lam").read_bytes() == classifier.artifact_
    with pytest.raises(ValueError, match=r"'pmml' is not one of: lam, onnx, c"):
        classifier.export(tmp_path / "model.pmml")


def test_a_pickle_holds_the_file_and_predicts_the_same(classifier: LeanClassifier) -> None:
    x, _ = table("multiclass")
    content = pickle.dumps(classifier)
    assert classifier.artifact_ in content
    again = pickle.loads(content)
    np.testing.assert_array_equal(again.predict_proba(x), classifier.predict_proba(x))
    assert not hasattr(clone(again), "artifact_")


def test_tables_of_other_libraries(classifier: LeanClassifier) -> None:
    x, _ = table("multiclass")
    np.testing.assert_array_equal(classifier.predict(pa.Table.from_pandas(x)), classifier.predict(x))
    with pytest.raises(ValueError, match="feature names should match"):
        classifier.predict(x.rename(columns={"age": "years"}))
    np.testing.assert_array_equal(classifier.predict(polars.from_pandas(x)), classifier.predict(x))


@pytest.mark.parametrize("labels", [[False, True], [1.0, 2.0], ["7", "07"], ["", "some"], [10**12, -3]])
def test_labels_come_back_as_they_were(labels: list[Any]) -> None:
    x, codes = numbers()
    y = np.array(labels)[codes]
    fitted = LeanClassifier(**QUICK).fit(x, y)
    predicted = fitted.predict(x)
    assert predicted.dtype == y.dtype
    assert np.mean(predicted == y) > 0.8
    assert fitted.classes_.tolist() == np.unique(y).tolist()


def test_a_class_of_one_row_is_a_class() -> None:
    x, y = numbers(30)
    y[0] = 2
    with pytest.warns(UserWarning, match="2 rows were repeated"):
        fitted = LeanClassifier(**QUICK).fit(x, y)
    assert fitted.classes_.tolist() == [0, 1, 2]
    assert fitted.predict_proba(x).shape == (30, 3)


def test_rows_of_weight_zero_do_not_count() -> None:
    x, y = numbers()
    weight = np.ones(60)
    weight[:20] = 0
    wrong = np.where(weight > 0, y, 1 - y)
    fitted = LeanClassifier(**QUICK).fit(x, wrong, sample_weight=weight)
    assert fitted.result_.rows["search"] + fitted.result_.rows["holdout"] == 40
    assert np.mean(fitted.predict(x) == y) > 0.8
    assert np.argmax(fitted.feature_importances_) == 0


def test_groups_and_columns_are_passed_on() -> None:
    x, y = numbers()
    frame = pd.DataFrame(x, columns=["a", "b", "target"]).assign(group=np.repeat(np.arange(6), 10))
    fitted = LeanClassifier(**QUICK, group_column="group", drop="b").fit(frame, y)
    assert fitted.result_.columns == 2
    assert fitted.result_.rows["holdout"] % 10 == 0
    passed = LeanClassifier(**QUICK).fit(x, y, groups=np.repeat(np.arange(6), 10))
    assert passed.result_.rows["holdout"] % 10 == 0


def test_a_folder_may_stay(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    x, y = numbers()
    out = tmp_path / "model"
    LeanClassifier(**QUICK, out=out, verbose=1).fit(x, y)
    assert "finish" in capsys.readouterr().err
    assert json.loads((out / "run.json").read_text())["student"]["family"] == "linear"
    with pytest.raises(SettingError, match="exists already"):
        LeanClassifier(**QUICK, out=out).fit(x, y)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"holdout": 0.9}, "^holdout: 0.9"),
        ({"random_state": -1}, "^random_state: -1"),
        ({"max_size_kb": "small"}, "wrong type"),
        ({"families": "none"}, "^families: 'none'"),
        ({"metric": "unheard"}, "^metric: 'unheard'"),
        ({"metric": max}, "^metric: only names are taken"),
        ({"serve_with": "c"}, "^serve_with='c' makes a C header, which cannot predict here"),
        ({"drop": "x9"}, "'x9' is not a column"),
    ],
)
def test_a_wrong_parameter_is_a_value_error_of_fit(settings: dict[str, Any], message: str) -> None:
    estimator = LeanClassifier(**QUICK | settings)
    with pytest.raises(ValueError, match=message) as caught:
        estimator.fit(*numbers())
    assert isinstance(caught.value, SettingError)


def test_rows_that_cannot_be_used() -> None:
    x, y = numbers()
    with pytest.raises(TypeError, match="Sparse data was passed"):
        LeanClassifier(**QUICK).fit(sparse.csr_array(x), y)
    with pytest.raises(InputError, match="no column is left"):
        LeanClassifier(**QUICK).fit(np.ones((60, 2)), y)
    with pytest.raises(ValueError, match="single class"):
        LeanClassifier(**QUICK).fit(x, np.ones(60))


def test_the_last_step_of_a_pipeline() -> None:
    x, y = numbers()
    steps = make_pipeline(StandardScaler().set_output(transform="pandas"), LeanClassifier(**QUICK))
    frame = pd.DataFrame(x, columns=["a", "b", "c"])
    fitted = clone(steps).fit(frame, y)
    assert fitted[-1].feature_names_in_.tolist() == ["a", "b", "c"]
    assert fitted.score(frame, y) > 0.8


@pytest.mark.slow
def test_searches_and_cross_validation() -> None:
    x, y = numbers()
    assert cross_val_score(LeanClassifier(**QUICK), x, y, cv=3).mean() > 0.8
    grid = GridSearchCV(LeanClassifier(**QUICK), {"families": [("linear",), ("oblivious",)]}, cv=2).fit(x, y)
    assert grid.best_estimator_.score(x, y) > 0.8
    assert pickle.load(io.BytesIO(pickle.dumps(grid))).best_score_ == grid.best_score_


@pytest.mark.slow
def test_a_fit_with_limits_and_all_steps() -> None:
    x, y = table("binary", 400)
    fitted = LeanClassifier(max_latency_ms=50, max_size_kb=60, time_limit=40, families=("oblivious",)).fit(x, y)
    assert all(check.met for check in fitted.result_.checks)
    assert fitted.result_.measurements
    assert len(fitted.artifact_) <= 60_000
