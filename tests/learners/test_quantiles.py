"""Quantiles: one column each, in order, the same in every engine and file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from lean_automl_exporters.hostile import hostile_rows
from lean_automl_exporters.onnx import export_checked, export_onnx
from lean_automl_runtime import Artifact, load, write_artifact
from lean_automl_runtime.engines import available
from lean_automl_runtime.ir import PREDICTION
from lean_automl_runtime.reference import evaluate
from sklearn.metrics import mean_pinball_loss

from lean_automl.automl.judge import Judge
from lean_automl.automl.request import problem_of
from lean_automl.compiler.assemble import assemble, assemble_average
from lean_automl.compiler.passes import optimise
from lean_automl.config import Constraints, FitConfig
from lean_automl.data import Dataset, load_dataset
from lean_automl.errors import ConfigError
from lean_automl.features import FeaturePlan, fit_features
from lean_automl.learners.additive import Additive
from lean_automl.learners.base import FitOptions, Problem, Rows
from lean_automl.learners.lightgbm import LightGBM
from lean_automl.learners.quantiles import Quantiles, weighted_quantiles
from lean_automl.search.metrics import make_metric
from lean_automl.student.families import choose_families
from lean_automl.student.family import Context
from lean_automl.teacher.portfolio import portfolio

ROWS = 1500
SHARES = (0.1, 0.5, 0.9)
NONE = FeaturePlan((), ())
LEARNERS: dict[str, Quantiles] = {
    "lightgbm": Quantiles(LightGBM(trees=60, learning_rate=0.1)),
    "additive": Quantiles(Additive(trees=150)),
}


def made() -> tuple[Dataset, FeaturePlan, Rows, Problem]:
    """The spread depends on a column."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(ROWS, 2))
    frame = pd.DataFrame(x, columns=["a", "b"]).assign(town=rng.choice(["é", "x"], ROWS))
    frame["answer"] = x[:, 0] + (0.2 + np.abs(x[:, 1])) * rng.normal(size=ROWS) + (frame["town"] == "x")
    frame.loc[rng.random(ROWS) < 0.1, ["a", "town"]] = None
    dataset = load_dataset(frame, "answer")
    plan = fit_features(dataset.table)
    problem = problem_of(dataset.schema, FitConfig(quantiles=SHARES), NONE)
    return dataset, plan, Rows(plan.frame(dataset.table), dataset.y), problem


@pytest.mark.parametrize("name", LEARNERS)
def test_quantiles_hold_their_share_of_new_rows_and_never_cross(name: str, tmp_path: Path) -> None:
    dataset, plan, rows, problem = made()
    train, valid = rows.take(np.arange(1000)), rows.take(np.arange(1000, ROWS))
    fitted = LEARNERS[name].fit(train, valid, problem, FitOptions())
    predicted = fitted.predict(valid.frame)
    assert predicted.shape == (500, 3)
    np.testing.assert_allclose((valid.y[:, None] <= predicted).mean(axis=0), SHARES, atol=0.08)
    metric = make_metric(None, problem.task, problem.outputs, problem.quantiles)
    expected = np.mean([mean_pinball_loss(valid.y, predicted[:, j], alpha=q) for j, q in enumerate(SHARES)])
    assert metric(valid.y, predicted) == pytest.approx(-expected)
    assert metric(valid.y, predicted) > Judge(dataset.take(np.arange(1000, ROWS)), problem, metric).constant(dataset)

    last = LEARNERS[name].for_all_rows([fitted, fitted], 1.2).fit(rows, None, problem, FitOptions())
    for program in (
        optimise(assemble(fitted, plan, dataset.schema)),
        optimise(assemble(fitted.shorten(10), plan, dataset.schema)),
        optimise(assemble_average([(fitted, 0.3), (last, 0.7)], plan, dataset.schema, problem.outputs)),
    ):
        hostile = hostile_rows(program, np.random.default_rng(0))
        for arrays in (hostile, dataset.table.arrays):
            numbers = evaluate(program, arrays)[PREDICTION]
            assert numbers.shape == (len(arrays[0]), 3)
            assert (np.diff(numbers, axis=1) >= 0).all()
        export_checked(program, [dataset.table.arrays])
    program = optimise(assemble(fitted, plan, dataset.schema))
    np.testing.assert_allclose(
        evaluate(program, dataset.table.arrays)[PREDICTION], fitted.predict(rows.frame), atol=1e-3
    )

    (tmp_path / "model.lam").write_bytes(write_artifact(Artifact(program, {})))
    (tmp_path / "model.onnx").write_bytes(export_onnx(program))
    record: dict[str, Any] = {"a": 0.5, "b": None, "town": "é"}
    files = [("model.lam", engine) for engine in ("reference", "native", "numba") if available(engine)]
    answers = [load(tmp_path / file, engine).predict_one(record) for file, engine in [*files, ("model.onnx", "auto")]]
    for answer in answers:
        assert answer.probabilities == ()
        np.testing.assert_allclose(answer.value, answers[0].value, rtol=1e-5)
    frame = pd.DataFrame([record, record])
    np.testing.assert_array_equal(load(tmp_path / "model.lam").predict(frame), [answers[0].value] * 2)


def test_one_quantile_is_a_number() -> None:
    dataset, plan, rows, _ = made()
    problem = problem_of(dataset.schema, FitConfig(quantiles=(0.75,)), NONE)
    fitted = LEARNERS["lightgbm"].fit(rows, None, problem, FitOptions())
    assert fitted.predict(rows.frame).shape == (ROWS, 1)
    assert evaluate(assemble(fitted, plan, dataset.schema), dataset.table.arrays)[PREDICTION].shape == (ROWS, 1)


def test_weighted_quantiles_are_those_of_repeated_rows() -> None:
    rng = np.random.default_rng(0)
    y, weight = rng.normal(size=50), rng.integers(0, 4, 50).astype(float)
    repeated = np.repeat(y, weight.astype(int))
    found = weighted_quantiles(y, SHARES, weight)
    np.testing.assert_allclose(found, np.quantile(repeated, SHARES, method="inverted_cdf"))
    np.testing.assert_allclose(weighted_quantiles(y, SHARES, None), np.quantile(y, SHARES, method="inverted_cdf"))


def test_families_and_members_that_know_no_quantiles_are_left_out() -> None:
    problem = made()[-1]
    context = Context(problem, 5_000, 3, 1, Constraints(), has_teacher=True)
    assert {family.name for family in choose_families(None, context)} == {"ragged", "additive"}
    assert {type(learner) for learner in portfolio(5_000, problem)} == {Quantiles}
    with pytest.raises(ConfigError, match="--quantiles has ragged and additive"):
        choose_families(("linear",), context)


@pytest.mark.parametrize("quantiles", [(0.0, 0.5), (0.5, 1.0), (0.9, 0.1), (0.5, 0.5), (float("nan"),), (0.1,) * 30])
def test_lists_that_are_none_are_refused(quantiles: tuple[float, ...]) -> None:
    with pytest.raises(ConfigError, match="--quantiles"):
        FitConfig(quantiles=quantiles)


def test_metrics_and_targets_without_quantiles_are_refused() -> None:
    dataset, _, _, problem = made()
    for name in ("pinball", "neg_mean_pinball_loss", None):
        assert make_metric(name, problem.task, 3, SHARES).shown_name == "mean_pinball_loss"
    with pytest.raises(ConfigError, match="'r2' judges no quantiles"):
        make_metric("r2", problem.task, 3, SHARES)
    with pytest.raises(ConfigError, match="Say which: --quantiles"):
        make_metric("pinball", problem.task, 1)
    labelled = load_dataset(pd.DataFrame({"x": np.arange(60) % 7, "y": ["a", "b"] * 30}), "y")
    with pytest.raises(ConfigError, match="a binary target has none"):
        problem_of(labelled.schema, FitConfig(quantiles=SHARES), NONE)
    both = FitConfig(quantiles=SHARES, monotone=(("b", 1),))
    with pytest.raises(ConfigError, match="cannot keep an order"):
        problem_of(dataset.schema, both, NONE)
