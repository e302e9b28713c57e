"""Exact passes: the same outputs bit for bit, whatever the Program and the rows."""

from __future__ import annotations

import numpy as np
import pytest
from conformance.compare import assert_same, exposed
from conformance.programs import hostile_inputs, programs, random_program
from hypothesis import given, settings
from hypothesis import strategies as st
from lean_automl_runtime.engines import make_engine
from lean_automl_runtime.ir import Program, digest
from lean_automl_runtime.reference import evaluate
from tangled import tangled, tangled_programs

from lean_automl.compiler.passes import EXACT, LAST, Pass, optimise

ROWS = 120
RARE = ("fold_tables", "merge_duplicates")  # random Programs hardly have what these are for
AGAIN = ("merge_trees", "fold_fills", "simplify_ragged")  # what was merged, folded or cut may make room for more
FEW = settings(max_examples=25, deadline=None)


def assert_exact(each: Pass, program: Program, seed: int) -> Program:
    """The changed Program, which must give the same on hostile rows."""
    changed = each.run(program)
    rows = hostile_inputs(program, np.random.default_rng(seed), ROWS)
    assert changed.columns == program.columns
    assert_same(evaluate(program, rows), evaluate(changed, rows))
    return changed


@pytest.mark.parametrize("each", EXACT + LAST, ids=lambda each: each.name)
@given(program=programs(4) | tangled_programs(), seed=st.integers(0, 99))
@FEW
def test_an_exact_pass_changes_no_bit(each: Pass, program: Program, seed: int) -> None:
    assert_exact(each, program, seed)


@given(program=tangled_programs(5), seed=st.integers(0, 99))
@FEW
def test_exact_passes_after_one_another_change_no_bit(program: Program, seed: int) -> None:
    for each in EXACT * 2 + LAST:
        program = assert_exact(each, program, seed)


@given(program=programs(3))
@settings(max_examples=8, deadline=None)
def test_values_inside_a_program_stay_too_if_they_are_what_it_gives(program: Program) -> None:
    for _, part in exposed(program):
        rows = hostile_inputs(part, np.random.default_rng(0), 40)
        assert_same(evaluate(part, rows), evaluate(optimise(part), rows))


@pytest.mark.parametrize("seed", range(6))
def test_engines_agree_on_what_passes_made(seed: int) -> None:
    program = tangled(seed, 4)
    rows = hostile_inputs(program, np.random.default_rng(seed), ROWS)
    assert_same(evaluate(program, rows), make_engine(optimise(program)).run(rows))


@pytest.mark.parametrize(
    "each", [e for e in EXACT if not e.name.startswith(("fold_tables", "merge_duplicates"))], ids=lambda each: each.name
)
def test_a_pass_has_work_somewhere_and_none_after_itself(each: Pass) -> None:
    worked = 0
    for seed in range(30):
        program = tangled(seed, 4)
        once = each.run(program)
        worked += digest(once) != digest(program)
        assert each.name in AGAIN or digest(each.run(once)) == digest(once)
    assert worked


def test_optimise_reaches_an_end() -> None:
    for seed in range(10):
        program = optimise(random_program(seed, 5))
        assert digest(optimise(program)) == digest(program)
