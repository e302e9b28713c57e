"""Scores of texts: no row knows its own target, and what is exported scores as what was trained."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from lean_automl_exporters.hostile import hostile_rows
from lean_automl_exporters.onnx import export_checked
from lean_automl_runtime.engines import available, make_engine
from lean_automl_runtime.ir import PREDICTION, PROBABILITIES
from lean_automl_runtime.ir import ops as o
from lean_automl_runtime.reference import evaluate

from lean_automl.compiler.assemble import assemble
from lean_automl.compiler.passes import optimise
from lean_automl.data import Dataset, load_dataset
from lean_automl.features import describe, fit_features
from lean_automl.learners.around import bare
from lean_automl.learners.base import FitOptions, Problem, Rows
from lean_automl.learners.chimeraboost import ChimeraBoost
from lean_automl.learners.lightgbm import LightGBM
from lean_automl.learners.linear import Linear
from lean_automl.learners.texts import fit_reading, fit_texts

ROWS = 600
WORDS = ("fine", "poor", "cloth", "cut", "blue", "torn", "soft", "loose")
LEARNERS: dict[str, Any] = {"chimeraboost": ChimeraBoost(trees=30), "lightgbm": LightGBM(trees=30), "linear": Linear()}


def texts_frame(task: str, noise: bool = False) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    words = rng.choice(WORDS, (ROWS, 5))
    score = (words == "fine").sum(axis=1) - (words == "poor").sum(axis=1) + rng.normal(0, 0.3, ROWS)
    score = rng.normal(0, 1, ROWS) if noise else score
    text = [f"{', '.join(own).capitalize()}. Number {row}!" for row, own in enumerate(words)]
    target = {
        "binary": np.where(score > 0, "yes", "no"),
        "multiclass": np.array(["low", "mid", "high"])[np.digitize(score, [-0.5, 0.5])],
        "regression": score,
    }[task]
    return pd.DataFrame({"text": text, "other": rng.normal(0, 1, ROWS), "y": target})


def prepared(task: str, noise: bool = False, tokens: int = 400) -> tuple[Dataset, Any, Rows, Problem]:
    dataset = load_dataset(texts_frame(task, noise), "y")
    plan = fit_features(dataset.table, tokens)
    assert [text.column for text in plan.texts] == ["text"]
    rows = Rows(plan.frame(dataset.table), dataset.y)
    return dataset, plan, rows, Problem(dataset.schema.task, len(dataset.schema.classes) or 1)


@pytest.mark.parametrize("learner", LEARNERS)
@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_programs_score_texts_as_learners_do(learner: str, task: str) -> None:
    dataset, plan, rows, problem = prepared(task)
    fitted = fit_reading(LEARNERS[learner], (rows, None), problem, FitOptions())
    program = optimise(assemble(fitted, plan, dataset.schema))
    assert any(isinstance(op, o.TokenScore) for op in program.ops)
    own = evaluate(program, dataset.table.arrays)
    found = own[PREDICTION if task == "regression" else PROBABILITIES]
    np.testing.assert_allclose(found, fitted.predict(rows.frame), atol=2e-3)
    hostile = hostile_rows(program, np.random.default_rng(0))
    for name in ("native", "numba"):
        if available(name):
            for key, values in evaluate(program, hostile).items():
                np.testing.assert_array_equal(make_engine(program, name).run(hostile)[key], values)
    export_checked(program, [dataset.table.arrays])


def test_texts_are_worth_reading() -> None:
    _, _, rows, problem = prepared("regression")
    train, test = rows.take(np.arange(400)), rows.take(np.arange(400, ROWS))
    fitted = fit_reading(ChimeraBoost(trees=100), (train, None), problem, FitOptions())
    error = np.mean((fitted.predict(test.frame)[:, 0] - test.y) ** 2)
    assert error < 0.5 * np.var(test.y)


def test_scores_that_tell_nothing_are_left_out() -> None:
    """Of a target that no word tells, scores in fold would tell a lot, for there are many tokens to fit with."""
    _, _, rows, problem = prepared("regression", noise=True)
    scores, own = fit_texts(rows, problem, seed=0)
    assert own.shape[1] == 0  # out of fold they tell nothing, and so are left out
    assert scores.scored(rows.frame).numbers.shape == rows.frame.numbers.shape


def test_the_score_of_a_training_row_does_not_change_with_its_target() -> None:
    _, _, rows, problem = prepared("regression")
    _, own = fit_texts(rows, problem, seed=0)
    changed = rows.y.copy()
    changed[7] += 1.0
    _, other = fit_texts(Rows(rows.frame, changed), problem, seed=0)
    assert other[7, 0] == own[7, 0]
    assert (other != own).any()


def test_few_tokens_are_those_that_count() -> None:
    _, _, rows, problem = prepared("regression", tokens=2)
    scores, _ = fit_texts(rows, problem, seed=0)
    (feature,) = scores.features
    assert set(feature.op.tokens) == {"fine", "poor"}
    assert describe(feature) == "words of text"


def test_unread_texts_give_no_features() -> None:
    dataset = load_dataset(texts_frame("binary"), "y")
    plan = fit_features(dataset.table, 0)
    assert not plan.texts
    assert {getattr(feature, "column", "") for feature in plan.numeric} == {"other"}


def test_settings_for_all_rows_come_from_bare_models() -> None:
    _, _, rows, problem = prepared("binary")
    learner = ChimeraBoost(trees=20)
    fitted = fit_reading(learner, (rows.take(np.arange(400)), rows.take(np.arange(400, ROWS))), problem, FitOptions())
    last = learner.for_all_rows(bare([fitted]), 1.25)
    assert last.trees <= 25
    assert fitted.shorten(3).rounds == 3
    assert fitted.importance.size == rows.frame.numbers.shape[1]
