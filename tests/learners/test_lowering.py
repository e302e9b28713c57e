"""Whatever a learner fits, its Program predicts the same."""

from dataclasses import replace

import numpy as np
import pytest
from lean_automl_runtime.ir import PREDICTION, PROBABILITIES
from lean_automl_runtime.reference import evaluate
from tables import mixed_frame_for

from lean_automl.compiler.assemble import assemble, assemble_average
from lean_automl.data import Dataset, Task, load_dataset
from lean_automl.features import FeaturePlan, fit_features
from lean_automl.learners.additive import Additive
from lean_automl.learners.base import FitOptions, Problem, Rows, averaged
from lean_automl.learners.catboost import CatBoost
from lean_automl.learners.chimeraboost import ChimeraBoost
from lean_automl.learners.distilled import Distilled
from lean_automl.learners.forest import Forest
from lean_automl.learners.lightgbm import LightGBM
from lean_automl.learners.linear import Linear

TASKS = ("binary", "multiclass", "regression")
LEARNERS = {
    "chimeraboost": ChimeraBoost(trees=20, depth=4, learning_rate=0.2, linear=False),
    "chimeraboost, statistics": ChimeraBoost(trees=20, depth=4, learning_rate=0.2, linear=False, ordinal_levels=0),
    "chimeraboost, both": ChimeraBoost(trees=20, depth=4, learning_rate=0.2, linear=False, ordinal_levels=6),
    "catboost": CatBoost(trees=20, depth=4, learning_rate=0.2, own_categories=False),
    "lightgbm": LightGBM(trees=20, learning_rate=0.2),
    "additive": Additive(trees=60),
    "linear": Linear(),
}


def prepared(task: str, rows: int = 600) -> tuple[Dataset, FeaturePlan, Rows, Problem]:
    frame, target = mixed_frame_for(task, rows)
    dataset = load_dataset(frame, target)
    plan = fit_features(dataset.table)
    return (
        dataset,
        plan,
        Rows(plan.frame(dataset.table), dataset.y),
        Problem(Task(task), len(dataset.schema.classes) or 1),
    )


def predicted(program, table) -> np.ndarray:
    outputs = evaluate(program, table.arrays)
    return outputs.get(PROBABILITIES, outputs.get(PREDICTION))


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("name", LEARNERS)
def test_the_program_predicts_as_the_library(name: str, task: str) -> None:
    dataset, plan, rows, problem = prepared(task)
    train, valid = rows.take(np.arange(400)), rows.take(np.arange(400, 600))
    fitted = LEARNERS[name].fit(train, valid, problem, FitOptions())
    wanted = fitted.predict(rows.frame)
    got = predicted(assemble(fitted, plan, dataset.schema), dataset.table)
    spread = 1.0 if problem.task.is_classification else float(np.std(wanted))
    np.testing.assert_allclose(got, wanted, atol=3e-4 * spread, rtol=3e-4)
    assert np.ptp(wanted[:, -1]) > 0.05 * spread, "the model is not a constant"


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_linear_leaves_by_centre_are_the_library_and_by_value_are_near(task: str) -> None:
    dataset, plan, rows, problem = prepared(task, 2_000)
    settings = ChimeraBoost(trees=15, depth=3, learning_rate=0.2, form="centres", leaf_bits=32)
    fitted = settings.fit(rows, rows.take(np.arange(300)), problem, FitOptions())
    assert any(tree.lin_coef is not None for tree in fitted.model.model_.trees_)
    wanted = fitted.predict(rows.frame)
    spread = float(np.std(wanted[:, -1]))
    exact = predicted(assemble(fitted, plan, dataset.schema), dataset.table)
    np.testing.assert_allclose(exact, wanted, atol=1e-4 * spread, rtol=1e-4)
    by_value = replace(fitted, settings=ChimeraBoost(form="values"))
    near = predicted(assemble(by_value, plan, dataset.schema), dataset.table)
    assert np.sqrt(np.mean((near - wanted) ** 2)) < 0.1 * spread


def test_a_class_that_training_rows_lack_gets_almost_no_chance() -> None:
    dataset, plan, rows, problem = prepared("multiclass")
    without = rows.take(np.flatnonzero(rows.y != 1))
    for name in ("chimeraboost", "linear"):
        fitted = LEARNERS[name].fit(without, None, problem, FitOptions())
        got = predicted(assemble(fitted, plan, dataset.schema), dataset.table)
        assert got.shape == (dataset.rows, 3)
        assert got[:, 1].max() < 1e-3
        assert np.ptp(got[:, 0]) > 0.1, "the two others are told apart"
        np.testing.assert_allclose(got, fitted.predict(rows.frame), atol=1e-3)


def test_fewer_rounds_make_the_prefix_of_a_model() -> None:
    dataset, plan, rows, problem = prepared("binary")
    long = ChimeraBoost(trees=20, depth=3, learning_rate=0.2, linear=False)
    fitted = long.fit(rows, None, problem, FitOptions())
    short = ChimeraBoost(trees=7, depth=3, learning_rate=0.2, linear=False).fit(rows, None, problem, FitOptions())
    cut = predicted(assemble(fitted.shorten(7), plan, dataset.schema), dataset.table)
    np.testing.assert_allclose(cut, short.predict(rows.frame), atol=1e-3)


def test_a_distilled_student_learns_the_teacher_where_it_is_known() -> None:
    _, _, rows, problem = prepared("binary")
    soft = np.tile([0.9, 0.1], (rows.frame.rows, 1))
    soft[:100] = np.nan
    taught = Rows(rows.frame, rows.y, None, soft)
    student = Distilled(CatBoost(trees=60, depth=3, learning_rate=0.3, own_categories=False, soft=True), 1.0, soft=True)
    fitted = student.fit(taught, None, problem, FitOptions())
    known = fitted.predict(rows.frame)[100:, 1]
    assert abs(known.mean() - (0.1 * 500 + rows.y[:100].sum()) / 600) < 0.1
    copies = Distilled(LightGBM(trees=30, learning_rate=0.2), 1.0).fit(taught, None, problem, FitOptions())
    assert abs(copies.predict(rows.frame)[100:, 1].mean() - known.mean()) < 0.1


def test_an_average_of_models_is_one_program() -> None:
    dataset, plan, rows, problem = prepared("multiclass")
    members = [
        (LEARNERS[name].fit(rows, None, problem, FitOptions()), w) for name, w in (("lightgbm", 3.0), ("linear", 1.0))
    ]
    got = predicted(assemble_average(members, plan, dataset.schema), dataset.table)
    wanted = averaged([fitted.predict(rows.frame) for fitted, _ in members], problem.task, [w for _, w in members])
    np.testing.assert_allclose(got, wanted, atol=3e-4)


@pytest.mark.parametrize("task", TASKS)
def test_forests_predict_all_classes(task: str) -> None:
    _, _, rows, problem = prepared(task)
    for kind in ("extra_trees", "random_forest"):
        fitted = Forest(kind, trees=20).fit(rows, None, problem, FitOptions())
        predictions = fitted.predict(rows.frame)
        assert predictions.shape == (rows.frame.rows, problem.outputs)
        assert np.isfinite(predictions).all()


@pytest.mark.parametrize("bins", [0, 5])
@pytest.mark.parametrize("task", TASKS)
def test_the_perceptron_predicts_as_torch(task: str, bins: int) -> None:
    pytest.importorskip("torch")
    from lean_automl.learners.mlp import MLP

    dataset, plan, rows, problem = prepared(task)
    student = MLP(widths=(8, 8), bins=bins, dropout=0.1, epochs=3)
    fitted = student.fit(rows, rows.take(np.arange(100)), problem, FitOptions())
    wanted = fitted.predict(rows.frame)
    got = predicted(assemble(fitted, plan, dataset.schema), dataset.table)
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-4 * max(1.0, float(np.std(wanted))))


def test_the_optimiser_does_what_that_of_torch_does() -> None:
    torch = pytest.importorskip("torch")
    from lean_automl.learners.mlp import AdamW

    start = torch.linspace(-1, 1, 6)
    own, theirs = (torch.nn.Parameter(start.clone()) for _ in range(2))
    first, second = AdamW([own], 0.1), torch.optim.AdamW([theirs], lr=0.01, weight_decay=0.1)
    for step in range(20):
        for one in (own, theirs):
            ((one - step % 3) ** 2).sum().backward()
        first.step(0.01)
        second.step()
        second.zero_grad()
    np.testing.assert_allclose(own.detach(), theirs.detach(), rtol=1e-5)
    assert own.grad is None
    assert abs((own - start).detach()).max() > 0.05, "it went somewhere"


@pytest.mark.parametrize("name", LEARNERS)
def test_a_fit_whose_time_is_over_still_ends_with_a_model(name: str) -> None:
    _, _, rows, problem = prepared("binary")
    fitted = LEARNERS[name].fit(rows, rows.take(np.arange(100)), problem, FitOptions(deadline=0.0))
    assert np.isfinite(fitted.predict(rows.frame)).all()


@pytest.mark.parametrize("name", LEARNERS)
def test_equal_seeds_give_equal_models(name: str) -> None:
    _, _, rows, problem = prepared("binary")
    first, second = (LEARNERS[name].fit(rows, None, problem, FitOptions(seed=3)).predict(rows.frame) for _ in range(2))
    np.testing.assert_array_equal(first, second)
