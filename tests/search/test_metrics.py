import numpy as np
import pytest
from sklearn.metrics import (
    brier_score_loss,
    f1_score,
    log_loss,
    mean_absolute_error,
    roc_auc_score,
    root_mean_squared_error,
    root_mean_squared_log_error,
)

from lean_automl.data import Task
from lean_automl.errors import ConfigError
from lean_automl.search.metrics import check_target, make_metric

RNG = np.random.default_rng(0)
Y2 = RNG.integers(0, 2, 200)
P2 = np.column_stack([1 - (p := RNG.random(200)), p])
Y3 = RNG.integers(0, 3, 200)
P3 = RNG.dirichlet([1, 1, 1], 200)


def test_defaults_by_task() -> None:
    assert make_metric(None, Task.BINARY, 2)(Y2, P2) == pytest.approx(roc_auc_score(Y2, P2[:, 1]))
    assert make_metric(None, Task.MULTICLASS, 3)(Y3, P3) == pytest.approx(-log_loss(Y3, P3))
    numbers = RNG.normal(size=200)
    assert make_metric(None, Task.REGRESSION, 1)(numbers, numbers[:, None] + 2.0) == pytest.approx(-2.0)


def test_names_and_aliases_of_scikit_learn() -> None:
    assert make_metric("f1", Task.BINARY, 2)(Y2, P2) == pytest.approx(f1_score(Y2, P2[:, 1] > 0.5))
    assert make_metric("f1", Task.MULTICLASS, 3)(Y3, P3) == pytest.approx(f1_score(Y3, P3.argmax(1), average="macro"))
    assert make_metric("mae", Task.REGRESSION, 1)(Y2 * 1.0, P2[:, :1]) == -mean_absolute_error(Y2, P2[:, 0])
    for name in ("accuracy", "balanced_accuracy", "average_precision", "neg_brier_score", "matthews_corrcoef"):
        assert np.isfinite(make_metric(name, Task.BINARY, 2)(Y2, P2))


def test_weights_count() -> None:
    weight = np.where(Y2 == 1, 2.0, 0.5)
    metric = make_metric("accuracy", Task.BINARY, 2)
    assert metric(Y2, P2, weight) == pytest.approx(np.average(P2.argmax(1) == Y2, weights=weight))


def test_losses_are_shown_without_their_sign() -> None:
    metric = make_metric("rmse", Task.REGRESSION, 1)
    assert (metric.shown_name, metric.shown(-1.5)) == ("root_mean_squared_error", "1.5")


@pytest.mark.parametrize(
    ("name", "task", "part"),
    [
        ("roc_acu", Task.BINARY, "roc_auc"),
        ("no such thing", Task.BINARY, "scikit-learn"),
        ("r2x", Task.REGRESSION, "r2"),
        ("rmse", Task.BINARY, "does not fit"),
        ("average_precision", Task.REGRESSION, "does not fit"),
    ],
)
def test_metrics_that_cannot_be_used(name: str, task: Task, part: str) -> None:
    with pytest.raises(ConfigError, match=part):
        make_metric(name, task, 2 if task.is_classification else 1)


@pytest.mark.parametrize("seed", range(5))
def test_quick_metrics_are_those_of_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, 150)
    p = np.round(rng.random(150), 1)  # many ties
    both = np.column_stack([1 - p, p])
    for name, task, outputs, target, predicted in (
        ("roc_auc", Task.BINARY, 2, y, both),
        ("neg_log_loss", Task.BINARY, 2, y, both),
        ("neg_log_loss", Task.MULTICLASS, 3, rng.integers(0, 3, 150), rng.dirichlet([1, 1, 1], 150)),
        ("rmse", Task.REGRESSION, 1, rng.normal(size=150), rng.normal(size=(150, 1))),
    ):
        known = {
            "roc_auc": lambda y, p: roc_auc_score(y, p[:, 1]),
            "neg_log_loss": lambda y, p: -log_loss(y, p),
            "rmse": lambda y, p: -root_mean_squared_error(y, p[:, 0]),
        }[name]
        metric = make_metric(name, task, outputs)
        assert metric(target, predicted) == pytest.approx(known(target, predicted), rel=1e-9)


@pytest.mark.parametrize("name", ["neg_log_loss", "roc_auc"])
def test_rows_that_judge_may_lack_a_class(name: str) -> None:
    task, outputs = (Task.BINARY, 2) if name == "roc_auc" else (Task.MULTICLASS, 3)
    metric = make_metric(name, task, outputs)
    predicted = np.full((4, outputs), 1 / outputs)
    y = np.array([0, 0, 0, 0])
    assert metric(y, predicted, np.ones(4)) == pytest.approx(metric(y, predicted))


@pytest.mark.parametrize("name", ["roc_auc", "roc_auc_ovo", "average_precision", "top_k_accuracy"])
def test_many_classes_are_compared_as_far_as_rows_have_them(name: str) -> None:
    rng = np.random.default_rng(0)
    y, predicted = rng.integers(0, 3, 60), rng.dirichlet(np.ones(4), 60)
    found = make_metric(name, Task.MULTICLASS, 4)(y, predicted)
    known = predicted[:, :3] / predicted[:, :3].sum(axis=1, keepdims=True)
    assert found == pytest.approx(make_metric(name, Task.MULTICLASS, 3)(y, known))
    two = make_metric(name, Task.MULTICLASS, 4)(np.minimum(y, 1), predicted)
    assert np.isfinite(two)
    assert make_metric(name, Task.MULTICLASS, 4)(np.full(60, 2), predicted) == 0.5


@pytest.mark.parametrize("outputs", [2, 4])
def test_the_brier_score_is_scikit_learns_and_takes_rows_without_a_class(outputs: int) -> None:
    rng = np.random.default_rng(0)
    y, predicted, weight = rng.integers(0, outputs, 60), rng.dirichlet(np.ones(outputs), 60), rng.random(60)
    metric = make_metric("brier", Task.BINARY if outputs == 2 else Task.MULTICLASS, outputs)
    wanted = brier_score_loss(y, predicted[:, 1] if outputs == 2 else predicted, sample_weight=weight)
    assert metric(y, predicted, weight) == pytest.approx(-wanted)
    assert np.isfinite(metric(np.zeros(60, dtype=np.int64), predicted))


@pytest.mark.parametrize(
    "name", ["neg_root_mean_squared_log_error", "neg_mean_poisson_deviance", "neg_mean_gamma_deviance"]
)
def test_scorers_of_positive_numbers_take_predictions_below_zero(name: str) -> None:
    y = np.array([1.0, 2.0, 3.0])
    metric = make_metric(name, Task.REGRESSION, 1)
    good, bad = metric(y, np.array([[1.1], [2.1], [2.9]])), metric(y, np.array([[-5.0], [2.1], [2.9]]))
    assert np.isfinite(bad)
    assert bad < good


def test_least_predictions_are_those_that_scikit_learn_takes() -> None:
    metric = make_metric("rmsle", Task.REGRESSION, 1)
    y, predicted = np.array([-0.5, 0.0, 2.0]), np.array([[-0.4], [-0.2], [2.0]])
    assert metric(y, predicted) == pytest.approx(-root_mean_squared_log_error(y, predicted[:, 0]))
    assert np.isfinite(make_metric("neg_mean_poisson_deviance", Task.REGRESSION, 1)(np.zeros(3), np.zeros((3, 1))))


def test_a_target_that_a_metric_cannot_take_is_refused_at_once() -> None:
    metric = make_metric("neg_root_mean_squared_log_error", Task.REGRESSION, 1)
    check_target(metric, np.array([0.0, 1.0, 5.0]))
    with pytest.raises(ConfigError, match="does not fit this target"):
        check_target(metric, np.array([-3.0, 1.0, 5.0]))
    with pytest.raises(ConfigError, match="does not fit this target"):
        check_target(make_metric("neg_mean_gamma_deviance", Task.REGRESSION, 1), np.array([0.0, 1.0, 5.0]))


def test_quick_metrics_take_weights() -> None:
    rng = np.random.default_rng(0)
    y, weight = rng.integers(0, 3, 50), rng.random(50)
    predicted = rng.dirichlet(np.ones(3), 50)
    metric = make_metric("neg_log_loss", Task.MULTICLASS, 3)
    assert metric(y, predicted, weight) == pytest.approx(-log_loss(y, predicted, sample_weight=weight))
