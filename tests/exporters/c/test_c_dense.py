"""Layers whose weights are small integers times a power of two are stored in bytes, and give the same bits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from c_compilers import ALL, FIRST, REASON, STRICT, Compiler
from c_harness import Compiled
from conformance.compare import assert_same
from conformance.hostile import FLOATS
from lean_automl_exporters.c import export_c
from lean_automl_exporters.c.small_weights import FEWEST, LARGEST, in_powers_of_two
from lean_automl_runtime.ir import PREDICTION, Column, ColumnKind, Program, ProgramBuilder
from lean_automl_runtime.ir import ops as o
from lean_automl_runtime.native.block import Table
from lean_automl_runtime.reference import evaluate

INPUTS, WIDTH = 5, 9


def layers(weight: np.ndarray, relu: bool = True) -> Program:
    """Numbers, and one layer."""
    builder = ProgramBuilder(tuple(Column(f"x{j}", ColumnKind.NUMERIC, "float32") for j in range(weight.shape[0])))
    numbers = builder.add(o.Concat(tuple(range(weight.shape[0]))))
    bias = np.linspace(-1, 1, weight.shape[1], dtype=np.float32)
    activation = o.Activation.RELU if relu else o.Activation.IDENTITY
    return builder.build({PREDICTION: builder.add(o.Dense((numbers,), weight, bias, activation))})


def grid(seed: int, exponents: tuple[int, int]) -> np.ndarray:
    rng = np.random.default_rng(seed)
    whole = rng.integers(-LARGEST, LARGEST + 1, (INPUTS, WIDTH)) * (rng.random((INPUTS, 1)) < 0.8)
    return np.ldexp(whole.astype(np.float64), rng.integers(*exponents, (INPUTS, 1))).astype(np.float32) + np.float32(0)


@pytest.mark.skipif(FIRST is None, reason=REASON)
@pytest.mark.parametrize("compiler", ALL, ids=lambda compiler: compiler.name)
def test_bits_are_those_of_the_reference(compiler: Compiler, tmp_path: Path) -> None:
    ranges = ((-12, 3), (-100, -90), (90, 100))
    programs = [layers(grid(seed, own), relu) for seed, own in enumerate(ranges) for relu in (True, False)]
    assert all("model_la_dense8(" in export_c(program)["model.h"] for program in programs)
    compiled = Compiled(programs, tmp_path, compiler, (*STRICT, "-O2"))
    values = np.array([*FLOATS, 1e-40, -1e-45, 3e38, 1.0, -2.5], dtype=np.float32)
    rng = np.random.default_rng(0)
    inputs = [rng.permutation(np.resize(values, 3 * values.size)) for _ in range(INPUTS)]
    with np.errstate(all="ignore"):
        for number, program in enumerate(programs):
            assert_same(evaluate(program, inputs), compiled.run(number, inputs))


@pytest.mark.skipif(FIRST is None, reason=REASON)
def test_limits_that_all_columns_share_take_no_tables(tmp_path: Path) -> None:
    assert FIRST is not None
    low, high = np.zeros(WIDTH, dtype=np.float32), np.full(WIDTH, np.inf, dtype=np.float32)
    programs = [clipped(low, high), clipped(-high, low + 2), clipped(low, low + np.arange(WIDTH, dtype=np.float32))]
    assert ["model_la_clip_all(f" in export_c(program)["model.h"] for program in programs] == [True, True, False]
    compiled = Compiled(programs, tmp_path, FIRST, (*STRICT, "-O2"))
    inputs = [np.roll(np.array(FLOATS, dtype=np.float32), column) for column in range(WIDTH)]
    for number, program in enumerate(programs):
        assert_same(evaluate(program, inputs), compiled.run(number, inputs))


def clipped(low: np.ndarray, high: np.ndarray) -> Program:
    builder = ProgramBuilder(tuple(Column(f"x{j}", ColumnKind.NUMERIC, "float32") for j in range(low.size)))
    numbers = builder.add(o.Concat(tuple(range(low.size))))
    return builder.build({PREDICTION: builder.add(o.Clip((numbers,), low, high))})


def table(numbers: list[float]) -> Table:
    return Table("f", np.array(numbers, dtype="<f4").tobytes())


def weights(*numbers: float) -> Table:
    return table([*numbers, *([1.0] * (FEWEST - len(numbers)))])


def test_what_fits() -> None:
    found = in_powers_of_two(table([0.25 * n for n in range(-16, 16)] + [0.0] * 32), 2)
    assert found is not None
    assert found[0].numbers().tolist() == [*range(-16, 16), *([0] * 32)]
    assert found[1].numbers().tolist() == [-2, 0]


@pytest.mark.parametrize(
    "numbers",
    [(0.1,), (128.0, 1.0), (-0.0,), (float("nan"),), (float("inf"),), (2.0**-130,), (1 / 128,)],
    ids=str,
)
def test_what_does_not_fit(numbers: tuple[float, ...]) -> None:
    assert in_powers_of_two(weights(*numbers), 1) is None


def test_a_few_weights_stay_as_they_are() -> None:
    assert in_powers_of_two(table([1.0] * (FEWEST - 1)), 1) is None
    assert in_powers_of_two(weights(127.0), 1) is not None
