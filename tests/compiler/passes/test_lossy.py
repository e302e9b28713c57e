"""Lossy passes: what they promise, and that what costs too much is undone."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from conformance.programs import hostile_inputs, random_program
from lean_automl_exporters.c.small_weights import in_powers_of_two
from lean_automl_runtime.ir import PREDICTION, Column, ColumnKind, Program, ProgramBuilder
from lean_automl_runtime.ir import ops as o
from lean_automl_runtime.native.block import Table
from lean_automl_runtime.reference import evaluate

from lean_automl.compiler.passes import (
    Budget,
    Judge,
    choose,
    figures_of,
    loss_of,
    noted,
    recalled,
    repeat,
    run_passes,
    shrink,
)
from lean_automl.compiler.passes.evidence import thinned
from lean_automl.compiler.passes.judge import Verdict
from lean_automl.compiler.passes.prune_splits import PruneSplits
from lean_automl.compiler.passes.quantise_leaves import QuantiseLeaves
from lean_automl.compiler.passes.quantise_weights import QuantiseWeights
from lean_automl.compiler.passes.refit_leaves import RefitLeaves
from lean_automl.compiler.passes.round_tables import RoundTables
from lean_automl.compiler.passes.shorten_thresholds import ShortenThresholds, shortened
from lean_automl.compiler.trees import ObliviousTree, RaggedTree, oblivious_op, ragged_op

COLUMNS = tuple(Column(f"x{i}", ColumnKind.NUMERIC, "float32") for i in range(4))
RNG = np.random.default_rng(0)
X = RNG.normal(size=(4, 900)).astype(np.float32)
ROWS = list(X[:, :600])
NAMED = {column.name: values for column, values in zip(COLUMNS, ROWS, strict=True)}
JUDGING = list(X[:, 600:])


def forest(kind: str) -> Program:
    """30 trees, ever smaller, as boosting makes them."""
    builder = ProgramBuilder(COLUMNS)
    rng = np.random.default_rng(3)
    matrix = builder.add(o.Concat((0, 1, 2, 3)))
    sizes = 0.7 ** np.arange(30)
    if kind == "ragged":
        shape = np.array([0, 1, 2], dtype=np.int32), np.array([1, -1, -3], np.int32), np.array([2, -2, -4], np.int32)
        trees = [
            RaggedTree(
                shape[0], rng.normal(size=3).astype(np.float32), shape[1], shape[2], np.ones(3, bool),
                rng.normal(size=(4, 1)) * size, (0,),
            )
            for size in sizes
        ]  # fmt: skip
        return builder.build({PREDICTION: builder.add(ragged_op(matrix, trees, np.ones(1), 16))})
    edges = np.linspace(-2, 2, 20).astype(np.float32)
    offsets = np.arange(0, 81, 20).astype(np.int32)
    bins = builder.add(o.Bin((matrix,), np.tile(edges, 4), offsets, np.zeros(4, dtype=np.int32)))
    targets = (0,) if kind == "oblivious" else (0, 1, 3)
    grown = [
        ObliviousTree(
            rng.integers(0, 4, 4), rng.integers(0, 20, 4), rng.normal(size=(16, len(targets))) * size, targets
        )
        for size in sizes
    ]
    trees = builder.add(oblivious_op(bins, grown, np.ones(1 if kind == "oblivious" else 5), 16))
    if kind == "oblivious":
        return builder.build({PREDICTION: trees})
    filled = builder.add(o.Impute((matrix,), np.zeros(4, dtype=np.float32)))
    return builder.build({PREDICTION: builder.add(o.Dot((trees, filled)))})


KINDS = ("oblivious", "linear", "ragged")


def outputs(program: Program, rows: list[np.ndarray]) -> np.ndarray:
    return evaluate(program, rows)[PREDICTION][:, 0].astype(np.float64)


def size(program: Program) -> int:
    return figures_of(program).lam


def apart(a: Program, b: Program, rows: list[np.ndarray]) -> float:
    """Root of the mean squared difference, relative to the spread of the first."""
    left, right = outputs(a, rows), outputs(b, rows)
    return float(np.sqrt(np.mean((left - right) ** 2)) / left.std())


@pytest.mark.parametrize("kind", KINDS)
def test_fewer_bits_are_smaller_and_near(kind: str) -> None:
    program = forest(kind)
    found = [(apart(program, q, JUDGING), size(q)) for q in (QuantiseLeaves(b).run(program) for b in (12, 8, 6))]
    assert [error for error, _ in found] == sorted(error for error, _ in found)
    assert found[1][0] < 0.02
    assert found[1][1] < 0.95 * size(program)
    assert QuantiseLeaves(16).run(program) is program


def test_leaves_of_32_bits_and_tables_get_a_new_scale_too() -> None:
    values = np.array([[100_000], [-2_000_000], [7_000]], dtype=np.int32)
    builder = ProgramBuilder(COLUMNS)
    bins = builder.add(o.Bin((0,), np.array([0, 1], np.float32), np.array([0, 2], np.int32), np.zeros(1, np.int32)))
    one, zero = np.ones(1, dtype=np.float32), np.zeros(1, dtype=np.float32)
    table = o.TableSum(
        (bins,), np.array([[0, -1]], np.int32), np.ones(1, np.int32), np.array([0, 3], np.int32), values, one, zero
    )
    program = builder.build({PREDICTION: builder.add(table)})
    small = QuantiseLeaves(8).run(program).ops[-1]
    assert isinstance(small, o.TableSum)
    assert small.values.dtype == np.int8
    assert small.values * small.scale + small.bias == pytest.approx(values, abs=10_000)


@pytest.mark.parametrize("kind", KINDS)
def test_pruning_takes_what_matters_least_and_refitting_repairs(kind: str) -> None:
    program = forest(kind)
    few, many = (PruneSplits(share, NAMED).run(program) for share in (0.2, 0.6))
    repaired = PruneSplits(0.6, NAMED, refit=True).run(program)
    assert size(program) > size(few) > size(many)
    assert apart(program, few, JUDGING) < 0.05
    assert apart(program, many, JUDGING) < 0.6
    assert apart(program, repaired, JUDGING) < apart(program, many, JUDGING)


def test_leaves_can_be_fitted_to_the_scores_of_a_teacher() -> None:
    program = forest("oblivious")
    target = np.sin(ROWS[0].astype(np.float64))[:, None]
    fitted = RefitLeaves(NAMED, target, bits=16).run(program)
    before, after = (np.mean((outputs(p, ROWS) - target[:, 0]) ** 2) for p in (program, fitted))
    assert after < 0.2 * before
    still = RefitLeaves(NAMED, target, strength=1e9, bits=16).run(program)
    assert apart(program, still, ROWS) < 1e-3


def test_thresholds_become_short_and_keep_the_side_of_every_row() -> None:
    values = np.array([-1.0, 0.1, 0.30001, 0.30002, 5.7, 9.0, np.nan, np.inf], dtype=np.float32)
    old = np.array([-3.0, 0.2337, 0.300015, 4.4441, 5.2221, 10.0], dtype=np.float32)
    new = shortened(old, values)
    for value in values[:6]:
        assert ((value <= old) == (value <= new)).all()
    assert new[[1, 3, 4]].tolist() == [0.25, 4.0, 4.0]
    assert new[[0, 5]].tolist() == old[[0, 5]].tolist()  # outside of what rows show


@pytest.mark.parametrize("kind", KINDS)
def test_short_thresholds_change_no_prediction_for_their_rows(kind: str) -> None:
    program = forest(kind)
    assert (outputs(program, ROWS) == outputs(ShortenThresholds(NAMED).run(program), ROWS)).all()


def test_tables_fit_float16() -> None:
    table = np.array([[0.1], [np.nan], [3.3], [-1e-9], [2.0]] * 2, dtype=np.float32)
    builder = ProgramBuilder((Column("kind", ColumnKind.CATEGORICAL, "string"),))
    looked_up = builder.add(o.Lookup((builder.add(o.Encode((0,), tuple("abcdefgh"))),), table))
    short = RoundTables().run(builder.build({PREDICTION: looked_up})).ops[-1].table  # type: ignore[attr-defined]
    np.testing.assert_array_equal(short, short.astype(np.float16).astype(np.float32))
    np.testing.assert_allclose(short, table, rtol=1e-3, atol=1e-7)


def test_weights_of_each_input_become_bytes() -> None:
    rng = np.random.default_rng(0)
    weight = (rng.normal(size=(4, 40)) * np.array([[1e-4], [1.0], [0.0], [300.0]])).astype(np.float32)
    builder = ProgramBuilder(tuple(Column(name, ColumnKind.NUMERIC, "float32") for name in "abcd"))
    numbers = builder.add(o.Concat((0, 1, 2, 3)))
    bias = rng.normal(size=40).astype(np.float32)
    dense = builder.add(o.Dense((numbers,), weight, bias, o.Activation.IDENTITY))
    changed = QuantiseWeights().run(builder.build({PREDICTION: dense})).ops[-1]
    assert isinstance(changed, o.Dense)
    found = in_powers_of_two(Table("f", changed.weight.tobytes()), 4)
    assert found is not None
    off = np.abs(changed.weight - weight).max(axis=1)
    assert (off <= np.abs(weight).max(axis=1) / 127).all()
    assert (changed.bias == bias).all()


@pytest.mark.parametrize("lossy", [QuantiseWeights(), RoundTables()])
def test_the_intercept_of_a_regression_stays(lossy: QuantiseWeights | RoundTables) -> None:
    """It is as large as the target, whose spread may be a thousandth of that."""
    builder = ProgramBuilder(tuple(Column(f"x{j}", ColumnKind.NUMERIC, "float32") for j in range(64)))
    weight, bias = np.linspace(-1, 1, 64, dtype=np.float32)[:, None], np.array([1_000_003.0], dtype=np.float32)
    numbers = builder.add(o.Concat(tuple(range(64))))
    dense = builder.add(o.Dense((numbers,), weight, bias, o.Activation.IDENTITY))
    changed = lossy.run(builder.build({PREDICTION: dense})).ops[-1]
    assert isinstance(changed, o.Dense)
    assert changed.bias == bias
    assert (changed.weight != weight).any()


def test_lossy_passes_leave_any_program_valid() -> None:
    for seed in range(25):
        program = random_program(seed, 4)
        hostile = hostile_inputs(program, np.random.default_rng(seed), 60)
        rows = thinned(dict(zip((column.name for column in program.columns), hostile, strict=True)), 50)
        for each in (
            QuantiseLeaves(8),
            QuantiseWeights(),
            RoundTables(),
            ShortenThresholds(rows),
            PruneSplits(0.3, rows),
        ):
            changed = each.run(program)
            assert changed.columns == program.columns
            assert set(evaluate(changed, list(rows.values()))) == set(program.outputs)
        PruneSplits(0.5, rows, refit=True).run(program)


def test_passes_find_their_columns_in_another_fit_that_reads_fewer() -> None:
    """What is chosen for one fit is repeated on another, which may read other columns of the same table."""
    program = forest("oblivious")
    found = choose(program, lambda _: 1.0, Budget(1.0, 1.0, 60.0), rows=NAMED)
    assert {each.name for each in found.passes} >= {"shorten_thresholds", "prune_splits"}
    builder = ProgramBuilder((COLUMNS[3], COLUMNS[1]))
    matrix = builder.add(o.Concat((0, 1)))
    edges = np.linspace(-2, 2, 20).astype(np.float32)
    bins = builder.add(o.Bin((matrix,), np.tile(edges, 2), np.array([0, 20, 40], np.int32), np.zeros(2, np.int32)))
    grown = [ObliviousTree(RNG.integers(0, 2, 4), RNG.integers(0, 20, 4), RNG.normal(size=(16, 1)), (0,)) for _ in "ab"]
    other = builder.build({PREDICTION: builder.add(oblivious_op(bins, grown, np.ones(1), 16))})
    smaller, _ = repeat(other, found.passes)
    own = {name: NAMED[name] for name in ("x3", "x1")}
    sizes = [each.rows["x1"].size if hasattr(each, "rows") else 0 for each in found.passes]
    pairs = zip(found.passes, sizes, strict=True)
    seen = [replace(each, rows=thinned(own, size)) if size else each for each, size in pairs]  # type: ignore[call-arg]
    turned, _ = repeat(other, seen)
    values = list(own.values())
    assert (outputs(smaller, values) == outputs(turned, values)).all()


# --- judging -------------------------------------------------------------------------------------------------

NOISE = np.random.default_rng(5).normal(size=300) * 0.3


def judge(program: Program) -> float:
    """Mean squared error against noisy outputs of the linear forest, which has no error but noise."""
    return float(np.mean((outputs(program, JUDGING) - outputs(forest("linear"), JUDGING) - NOISE) ** 2))


def test_a_pass_that_costs_too_much_is_undone() -> None:
    program = forest("linear")
    passes = (QuantiseLeaves(3), QuantiseLeaves(10))
    kept, reports = run_passes(program, passes, judge, budget=0.01)
    assert [report.kept for report in reports] == [False, True]
    assert judge(kept) <= judge(program) * 1.01
    assert run_passes(program, passes)[0] is program  # nobody judges: nothing lossy


def test_shrinking_keeps_to_its_budget_and_can_be_repeated() -> None:
    program = forest("linear")
    found = choose(program, judge, Budget(loss=0.01, seconds=60), rows=NAMED)
    first, last = found.reports[0].before, figures_of(found.program, judge(found.program))
    assert last.lam < 0.8 * first.lam
    assert last.loss is not None
    assert first.loss is not None
    assert last.loss <= 1.01 * first.loss
    again, reports = repeat(program, found.passes)
    assert reports[0].name == "exact passes"
    assert len(reports) == 1 + len(found.passes)
    assert outputs(again, JUDGING) == pytest.approx(outputs(found.program, JUDGING))
    assert shrink(program, judge, Budget(loss=0.01, seconds=60), rows=NAMED)[1][-1].name == found.reports[-1].name


def test_luck_on_few_rows_is_no_merit() -> None:
    first = Verdict(np.array([1.0, *np.full(10, 1.0)]))
    steady = Verdict(np.array([1.0005, *np.full(10, 1.0005)]))
    lucky = Verdict(np.array([0.9995, *(0.9995 + 0.002 * (-1.0) ** np.arange(10))]))
    assert steady.within(0.001, first, errors=2.0)
    assert lucky.within(0.001, first)
    assert not lucky.within(0.001, first, errors=2.0)
    assert Verdict(lucky.losses[:1]).within(0.001, Verdict(first.losses[:1]), errors=2.0)


def test_a_judge_leaves_out_each_group_of_rows_once() -> None:
    program = forest("linear")
    answers = outputs(program, JUDGING) + NOISE

    def mean_square(y: np.ndarray, predicted: np.ndarray, weight: np.ndarray | None) -> float:
        return float(np.average((predicted[:, 0] - y) ** 2, weights=weight))

    losses = Judge(lambda p: evaluate(p, JUDGING)[PREDICTION], mean_square, answers, np.ones(300))(program)
    assert losses[0] == pytest.approx((NOISE**2).mean())
    assert losses[1:].mean() == pytest.approx(losses[0])
    assert len(set(losses.tolist())) == 11


def test_without_time_only_exact_passes_run() -> None:
    found = choose(forest("linear"), judge, Budget(seconds=0.0), rows=NAMED)
    assert [report.name for report in found.reports] == ["exact passes"]
    assert found.passes == ()


def test_more_may_be_spent_while_a_file_is_too_large() -> None:
    program = forest("linear")
    budget = Budget(loss=0.0, loss_over_limit=0.5, seconds=60)
    size_limit = 0.3 * figures_of(program).bytes
    free, pressed = (choose(program, judge, budget, limit, NAMED) for limit in (None, size_limit))
    assert figures_of(pressed.program).bytes < figures_of(free.program).bytes


def test_reports_are_noted_and_recalled() -> None:
    _, reports = run_passes(forest("oblivious"), check=lambda _: 0.5)
    kept = [report for report in reports if report.changes]
    values = json.loads(json.dumps(noted(reports)))
    assert [(r.name, r.exact, r.before, r.after) for r in recalled(values)] == [
        (r.name, r.exact, r.before, r.after) for r in kept
    ]
    assert len(kept) < len(reports)
    assert noted([report for report in reports if not report.changes]) == {}
    assert json.dumps(reports[0].to_json())


def test_scores_become_losses() -> None:
    assert loss_of(-0.25, "neg_log_loss") == 0.25
    assert loss_of(0.9, "roc_auc") == pytest.approx(0.1)
