"""What predictions may only rise or only fall with: kept by every learner that says so, by passes, and in the file."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from lean_automl_runtime.engines import make_engine
from lean_automl_runtime.ir import PREDICTION, PROBABILITIES, Program

from lean_automl.automl.request import problem_of
from lean_automl.compiler.assemble import assemble, assemble_average
from lean_automl.compiler.passes import Budget, choose, optimise
from lean_automl.config import Constraints, FitConfig, parse_monotone
from lean_automl.data import Dataset, load_dataset
from lean_automl.errors import ConfigError
from lean_automl.features import (
    FeaturePlan,
    check_monotone,
    difference,
    express,
    fit_features,
    is_free,
    signs_of,
)
from lean_automl.features.signs import columns_of
from lean_automl.learners.additive import Additive
from lean_automl.learners.base import FitOptions, Problem, Rows
from lean_automl.learners.catboost import CatBoost
from lean_automl.learners.lightgbm import LightGBM
from lean_automl.learners.linear import Linear
from lean_automl.student.families import FAMILIES, choose_families, left_out_for_signs
from lean_automl.student.family import Context
from lean_automl.teacher.portfolio import portfolio

ROWS = 1200
MONOTONE = (("a, odd=name", 1), ("b", -1))
ONE_ULP = 1.2e-7  # of a probability: the exponential may step back by its last bit
LEARNERS = {
    "lightgbm": LightGBM(trees=60, learning_rate=0.2),
    "additive": Additive(trees=150),
    "catboost": CatBoost(trees=60, depth=5, learning_rate=0.2, own_categories=False),
    "linear": Linear(),
}


def made(task: str) -> Dataset:
    """The true effect of both columns goes up and down."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(ROWS, 3))
    score = x[:, 0] + 1.5 * np.sin(3 * x[:, 0]) - 0.3 * x[:, 1] + np.cos(4 * x[:, 1]) + x[:, 0] * x[:, 2]
    score += rng.normal(size=ROWS) / 2
    frame = pd.DataFrame(x, columns=["a, odd=name", "b", "c"]).assign(town=rng.choice(["é", "x", "y"], ROWS))
    frame.loc[rng.random(ROWS) < 0.1, ["a, odd=name", "b"]] = np.nan
    y = score if task == "regression" else np.where(score > 0.3, "yes", "no")
    return load_dataset(frame.assign(answer=y), "answer")


def problem_for(dataset: Dataset, plan: FeaturePlan) -> Problem:
    problem = problem_of(dataset.schema, FitConfig(monotone=MONOTONE), FeaturePlan((), ()))
    return replace(problem, signs=signs_of(plan, problem.monotone))


def steps_back(program: Program, dataset: Dataset, column: int, sign: int) -> float:
    """How far a prediction at most goes the wrong way when a column grows, on rows with all sorts of other values."""
    rng = np.random.default_rng(1)
    values = np.sort(np.concatenate([dataset.table.arrays[column][:300], np.float32([-1e30, -50, 0, 50, 1e30])]))
    values = values[~np.isnan(values)]
    worst = 0.0
    for row in rng.choice(dataset.rows, 40, replace=False):
        arrays: list[Any] = [np.repeat(array[row : row + 1], values.size) for array in dataset.table.arrays]
        arrays[column] = values
        outputs = make_engine(program).run(arrays)
        p = outputs[PROBABILITIES][:, 1] if program.classes else outputs[PREDICTION][:, 0]
        worst = max(worst, float((-sign * np.diff(p.astype(np.float64))).max()))
    return worst


def assert_ordered(program: Program, dataset: Dataset) -> None:
    for column, (_, sign) in enumerate(MONOTONE):
        assert steps_back(program, dataset, column, sign) <= (ONE_ULP if program.classes else 0.0)


@pytest.mark.parametrize("task", ["binary", "regression"])
@pytest.mark.parametrize("name", LEARNERS)
def test_a_learner_and_the_passes_keep_the_order(name: str, task: str) -> None:
    dataset = made(task)
    plan = fit_features(dataset.table)
    problem, rows = problem_for(dataset, plan), Rows(plan.frame(dataset.table), dataset.y)
    train, valid = rows.take(np.arange(800)), rows.take(np.arange(800, ROWS))
    learner = LEARNERS[name]
    assert learner.keeps_signs
    fitted = learner.fit(train, valid, problem, FitOptions())
    program = optimise(assemble(fitted, plan, dataset.schema))
    assert_ordered(program, dataset)
    assert steps_back(program, dataset, 0, -1) > 0.01  # it still uses the column
    smaller = choose(program, lambda _: 1.0, Budget(1.0, 1.0, 60.0)).program
    assert_ordered(smaller, dataset)
    assert_ordered(optimise(assemble_average([(fitted, 0.3), (fitted.shorten(9), 0.7)], plan, dataset.schema)), dataset)
    if name == "lightgbm":  # the one that has had trouble: trees that fit closely, and other seeds
        for seed in range(3):
            close = LightGBM(trees=150, learning_rate=0.2, min_rows=5).fit(train, None, problem, FitOptions(seed=seed))
            assert_ordered(assemble(close, plan, dataset.schema), dataset)
    if name != "linear":
        free = learner.fit(train, valid, replace(problem, signs=()), FitOptions())
        program = optimise(assemble(free, plan, dataset.schema))
        assert min(steps_back(program, dataset, column, sign) for column, (_, sign) in enumerate(MONOTONE)) > 0.01


def test_a_linear_weight_of_the_wrong_sign_is_zero() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 2))
    frame = pd.DataFrame(x, columns=["a, odd=name", "b"]).assign(answer=x @ [-1.0, -1.0] + rng.normal(size=300))
    dataset = load_dataset(frame, "answer")
    plan = fit_features(dataset.table)
    rows = Rows(plan.frame(dataset.table), dataset.y)
    fitted = Linear().fit(rows, None, problem_for(dataset, plan), FitOptions())
    assert fitted.weight[0, 0] == 0.0
    assert fitted.weight[1, 0] < -0.5


def test_features_that_could_turn_an_effect_round_are_left_out() -> None:
    dataset = made("regression")
    plan = fit_features(dataset.table)
    free = [feature for feature in (*plan.numeric, *plan.categorical) if is_free(feature, MONOTONE)]
    assert [columns_of(feature) for feature in free] == [{"c"}, {"town"}]
    pair = difference(plan.numeric[1], plan.numeric[2])
    assert columns_of(pair) == {"b", "c"}
    assert not is_free(pair, MONOTONE)
    assert is_free(pair, ())
    own = express(("twice = b * 2",), dataset.schema, dataset.table)
    with pytest.raises(ConfigError, match="'twice' reads 'b' too"):
        check_monotone(MONOTONE, dataset.schema, own)
    check_monotone((("twice", 1),), dataset.schema, own)
    assert signs_of(plan + own, (("twice", 1),)) == (*[0] * len(plan.numeric), 1)


def test_learners_and_families_that_cannot_keep_it_are_left_out() -> None:
    dataset = made("binary")
    plan = fit_features(dataset.table)
    problem = problem_for(dataset, plan)
    assert {learner.name for learner in portfolio(5_000, problem)} == {"lightgbm", "catboost", "linear"}
    context = Context(problem, 5_000, 3, 1, Constraints(), has_teacher=True)
    chosen = {family.name for family in choose_families(None, context)}
    assert chosen == {"linear", "ordered", "ragged", "additive"}
    (line,) = left_out_for_signs(context)
    assert "oblivious" in line
    assert left_out_for_signs(replace(context, problem=replace(problem, signs=()))) == ()
    assert not FAMILIES["ordered"].suits(replace(context, problem=replace(problem, signs=())))
    with pytest.raises(ConfigError, match="'oblivious' cannot be used here"):
        choose_families(("oblivious",), context)


def test_texts_are_read_with_names_that_have_signs_in_them() -> None:
    assert parse_monotone(("age=+1,debt=-1", "a, odd=name=1")) == (("age", 1), ("debt", -1), ("a, odd=name", 1))
    assert parse_monotone((" x = + , y = - ",)) == (("x", 1), ("y", -1))
    for texts, words in ((("age",), "is not NAME="), (("age=2",), "is not NAME="), (("a=1", "a=-1"), "two signs")):
        with pytest.raises(ConfigError, match=words):
            parse_monotone(texts)


def test_names_that_have_no_order_are_refused() -> None:
    dataset = made("binary")
    none = FeaturePlan((), ())
    for monotone, words in (
        ((("town", 1),), "'town' is categorical"),
        ((("d", 1),), "'d' is not a column"),
        ((("b", 2),), "neither 1 nor -1"),
    ):
        with pytest.raises(ConfigError, match=words):
            check_monotone(monotone, dataset.schema, none)
    three = replace(dataset.schema, classes=("a", "b", "c"))
    with pytest.raises(ConfigError, match="3 classes, which have no order"):
        check_monotone(MONOTONE, three, none)
