"""Ragged trees over bins in exported headers: the same bits, fewer bytes, and only where that pays."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from c_compilers import FIRST, REASON, SANITIZERS
from c_harness import Compiled, check_bits
from conformance.programs import hostile_inputs
from conformance.ragged import Shape, ragged_program
from lean_automl_exporters.c import binned, export_c
from lean_automl_runtime.ir import PREDICTION, to_bytes
from lean_automl_runtime.native.block import Table
from lean_automl_runtime.native.plan import build_plan
from lean_automl_runtime.reference import evaluate

needs_compiler = pytest.mark.skipif(FIRST is None, reason=REASON)
SHAPES = {
    "binned8_one": Shape(),
    "binned8_each": Shape(outputs=3),
    "binned16_one": Shape(leaf="int16"),
    "binned16_each": Shape(leaf="int16", outputs=3, shared=True),
    "binned16_one of many columns": Shape(trees=600, columns=140, thresholds=4),
    "binned8_one beside another reader": Shape(shared=True),
}


def parts_of(shape: Shape) -> set[str]:
    """Functions of the kernel that walk the trees."""
    header = export_c(ragged_program(shape))["model.h"]
    return set(re.findall(r"^ *model_la_((?:binned|ragged)\w+)\([bf] ", header, re.MULTILINE))


@pytest.mark.parametrize("name", SHAPES)
def test_the_form_that_fits_is_taken(name: str) -> None:
    assert parts_of(SHAPES[name]) == {name.split(maxsplit=1)[0]}


@needs_compiler
@pytest.mark.parametrize("flags", [("-O2",), ("-O1", *SANITIZERS)], ids=["O2", "sanitizers"])
def test_same_bits(flags: tuple[str, ...], tmp_path: Path) -> None:
    assert FIRST is not None
    programs = [ragged_program(shape, seed) for seed, shape in enumerate(SHAPES.values())]
    check_bits(programs, tmp_path, FIRST, flags)


@needs_compiler
def test_same_sums_without_floats(tmp_path: Path) -> None:
    assert FIRST is not None
    programs = [ragged_program(shape, seed) for seed, shape in enumerate(SHAPES.values()) if not shape.shared]
    compiled = Compiled(programs, tmp_path, FIRST, ("-O1",), integer_only=True)
    for number, program in enumerate(programs):
        inputs = hostile_inputs(program, np.random.default_rng(number))
        trees = next(op for op in program.ops if op.name == "RaggedTrees")
        scores = compiled.run(number, inputs)["score"].astype(np.float32) * trees.scale + trees.bias
        assert np.array_equal(scores, evaluate(program, inputs)[PREDICTION])


@pytest.mark.parametrize(
    ("shape", "why"),
    [
        (Shape(trees=6), "few steps do not pay for bins"),
        (Shape(trees=400, thresholds=100_000), "a column has more thresholds than a byte counts"),
        (Shape(leaf="int32"), "leaves do not fit in a cell"),
        (Shape(trees=70, leaf="int16", thresholds=100_000), "edges would take more than they save"),
    ],
    ids=lambda own: own if isinstance(own, str) else "",
)
def test_others_stay_as_they_are(shape: Shape, why: str) -> None:
    assert all(part.startswith("ragged") for part in parts_of(shape)), why


def test_numbers_of_categories_are_binned_in_their_tables() -> None:
    plan = binned.with_bins(build_plan(*to_bytes(ragged_program(Shape()))))
    assert [line.op for line in plan.lines].count("LOOKUP_F") == 0
    shared = binned.with_bins(build_plan(*to_bytes(ragged_program(Shape(shared=True)))))
    assert [line.op for line in shared.lines].count("LOOKUP_F") == 1


def test_bins_take_fewer_bytes() -> None:
    plan = build_plan(*to_bytes(ragged_program(Shape())))
    sizes = [
        sum(len(a.data) for line in p.lines for a in line.args if isinstance(a, Table))
        for p in (plan, binned.with_bins(plan))
    ]
    assert sizes[1] < 0.7 * sizes[0]
