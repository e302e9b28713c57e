"""What students will cost: the estimate before training, and what it is used for."""

import math
from dataclasses import replace

import pytest
from lean_automl_runtime.errors import ConfigError
from lean_automl_runtime.measure import CostModel
from optuna.trial import FixedTrial

from lean_automl.config import Constraints
from lean_automl.data import Task
from lean_automl.learners.base import Problem
from lean_automl.student.costs import FEWEST, MOST_SLACK, Costs, quick_costs
from lean_automl.student.deploy import ARTIFACT_FILE, ONNX_FILE, Deployment
from lean_automl.student.family import FEWEST_TREES, MOST_TREES, Context
from lean_automl.student.mlp import SmallMLP, widths_that_may_fit
from lean_automl.student.oblivious import most_trees

MODEL = CostModel("native", {"calls": 1.0, "trees": 0.01, "levels": 0.005, "dense_macs": 0.01}, margin=0.5, tail=1.2)
SLOW = replace(MODEL, engine="onnx", coefficients={"calls": 2.0, "trees": 0.1})


def context(limit_us: float | None, models: dict[str, CostModel], **limits: float) -> Context:
    costs = Costs(models, limit_us)
    constraints = Constraints(max_latency_us=limit_us, **limits)
    return Context(Problem(Task.BINARY, 2), 5_000, 20, 0, constraints, False, costs)


def test_as_many_trees_are_asked_for_as_may_fit_with_the_margin() -> None:
    costs = Costs({ARTIFACT_FILE: MODEL}, 2.0)
    assert costs.most({"trees": 1.0, "levels": 4.0}) == pytest.approx((2.0 * (1 + MOST_SLACK) - 1.0) / 0.03)
    assert costs.most({"cells": 1.0}) == math.inf, "what costs nothing has no end"
    assert Costs({ARTIFACT_FILE: MODEL, ONNX_FILE: SLOW}, 2.0).most({"trees": 1.0}) == pytest.approx((2.5 - 2.0) / 0.1)
    assert Costs({ARTIFACT_FILE: MODEL}, None).most({"trees": 1.0}) == math.inf
    assert Costs({}, 2.0).most({"trees": 1.0}) == math.inf
    assert costs.most({"trees": 1.0}, is_loose=False) == pytest.approx((2.0 - 1.0) / 0.01), "without the margin"
    beside = costs.most({"trees": 1.0}, is_loose=False, other={"levels": 80.0})
    assert beside == pytest.approx((2.0 - 1.0 - 0.4) / 0.01)
    assert costs.most({"trees": 1.0}, other={"levels": 1e6}) > 0, "perhaps it need not be done"


def test_the_search_space_ends_where_no_limit_could_be_kept() -> None:
    assert most_trees(4, False, context(2.0, {ARTIFACT_FILE: MODEL})) == 50
    assert most_trees(4, False, context(0.1, {ARTIFACT_FILE: MODEL})) == FEWEST_TREES
    assert most_trees(4, False, context(1e6, {ARTIFACT_FILE: MODEL})) == MOST_TREES
    assert most_trees(4, False, context(2.0, {ARTIFACT_FILE: MODEL}, max_size_bytes=4_000.0)) < 50


def test_what_reading_takes_is_not_left_for_trees() -> None:
    alone = context(4.0, {ARTIFACT_FILE: replace(MODEL, coefficients=MODEL.coefficients | {"bin_columns": 0.1})})
    beside = replace(alone, reading={"bin_columns": 20.0})
    assert most_trees(4, False, alone) == pytest.approx((4.0 * (1 + MOST_SLACK) - 1.0) / 0.03, abs=1)
    assert most_trees(4, False, beside) == pytest.approx((4.0 * (1 + MOST_SLACK) - 1.0 - 2.0) / 0.03, abs=1)
    assert most_trees(4, False, replace(alone, reading={"bin_columns": 1e6})) > FEWEST_TREES, "fewer may be read"


def test_networks_that_are_sure_to_break_a_limit_are_not_proposed() -> None:
    assert widths_that_may_fit(context(1e6, {ARTIFACT_FILE: MODEL})) == [8, 12, 16, 24, 32, 48, 64, 96, 128]
    assert widths_that_may_fit(context(4.0, {ARTIFACT_FILE: MODEL})) == [8, 12, 16]
    assert widths_that_may_fit(context(1e6, {ARTIFACT_FILE: MODEL}, max_size_bytes=2_200.0)) == [8, 12, 16, 24, 32, 48]
    assert not SmallMLP().suits(context(1.0, {ARTIFACT_FILE: MODEL}))
    (start,) = SmallMLP().starts(context(4.0, {ARTIFACT_FILE: MODEL}))
    assert (start["mlp_width"], start["mlp_bins"]) == (12, 0), "and no bins"
    (start,) = SmallMLP().starts(context(12.0, {ARTIFACT_FILE: MODEL}))
    assert (start["mlp_width"], start["mlp_layers"]) == (24, 2), "the first one keeps the limit by what is known"
    assert 64 in widths_that_may_fit(context(12.0, {ARTIFACT_FILE: MODEL})), "others may be tried"
    (start,) = SmallMLP().starts(context(1e6, {ARTIFACT_FILE: MODEL}))
    assert (start["mlp_width"], start["mlp_bins"], start["mlp_layers"]) == (64, 16, 2)


def test_a_first_network_fits_in_bytes() -> None:
    few = Context(Problem(Task.MULTICLASS, 26), 5_000, 16, 0, Constraints(max_size_bytes=4_000), False)
    (start,) = SmallMLP().starts(few)
    assert (start["mlp_width"], start["mlp_bins"], start["mlp_layers"]) == (24, 0, 1)
    asked = {"mlp_dropout": 0.0, "mlp_learning_rate": 1e-2, "mlp_weight_decay": 1e-2, "mlp_bins": 8, "mlp_layers": 2}
    fitting = [SmallMLP().suggest(FixedTrial(asked | {"mlp_width": width}), few) for width in (16, 48)]
    assert [(one.widths, one.bins) for one in fitting] == [((16, 16), 0), ((48,), 0)]


def test_levels_of_categories_have_weights_too() -> None:
    limits = Constraints(max_size_bytes=6_000)
    widths = [
        widths_that_may_fit(Context(Problem(Task.BINARY, 2), 5_000, 5, 3, limits, False, levels=levels))
        for levels in (0, 150, 1_000)
    ]
    assert widths == [[8, 12, 16, 24, 32, 48, 64, 96, 128], [8, 12, 16, 24, 32], []]


def test_a_program_surely_fits_below_its_tail_and_margin() -> None:
    costs = Costs({ARTIFACT_FILE: replace(MODEL, coefficients={"calls": 1.0})}, 2.0)
    from lean_automl_runtime.measure.reference_programs import make_program
    from lean_automl_runtime.measure.reference_shapes import Shape

    program = make_program(Shape("oblivious", 2, 2, numeric=2))
    assert costs.surely_fits(program, 1.0)
    assert not costs.surely_fits(program, 0.85)
    assert Costs({}, None).surely_fits(program, 0.1)
    assert not Costs({}, 2.0).surely_fits(program, 0.85), "there was no time to find out what things cost"


def test_this_machine_is_known_from_a_few_programs() -> None:
    costs = quick_costs(Deployment({ARTIFACT_FILE: "reference"}), 1000.0)
    assert costs.machine is None
    assert costs.models[ARTIFACT_FILE].margin >= 0.5
    assert costs.most({"trees": 1.0, "levels": 6.0}) > 0
    assert quick_costs(Deployment({ARTIFACT_FILE: "reference"}), 1000.0, seconds=0.0).models == {}
    assert FEWEST > 1


def test_a_device_without_an_engine_is_refused() -> None:
    from lean_automl_runtime.measure import DeviceProfile
    from lean_automl_runtime.measure.machine import Machine

    from lean_automl.student.costs import device_costs

    machine = Machine("a CPU", "aarch64", 4, None, "Linux", "CPython 3.11", {})
    profile = DeviceProfile(machine, "2026-01-01", 30.0, {"native": MODEL}, {}, ())
    costs = device_costs({ARTIFACT_FILE: "native"}, profile, 5.0, {})
    assert costs.machine == "a CPU"
    assert costs.predict_us({"calls": 1.0, "trees": 10.0}) == {ARTIFACT_FILE: pytest.approx(1.1)}
    with pytest.raises(ConfigError, match="no engine 'onnx'"):
        device_costs({ONNX_FILE: "onnx"}, profile, 5.0, {})
