"""Headers in the fewest bytes: the same bits as ever, and fewer bytes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from c_compilers import ALL, FIRST, REASON, SANITIZERS, STRICT, Compiler
from c_harness import Compiled, check_bits
from conformance.compare import exposed
from conformance.programs import hostile_inputs, random_program
from conformance.ragged import Shape, ragged_program
from lean_automl_exporters.c import COptions, export_c
from lean_automl_runtime.ir import PREDICTION, Column, ColumnKind, Program, ProgramBuilder
from lean_automl_runtime.ir import ops as o
from lean_automl_runtime.measure.reference_programs import make_program
from lean_automl_runtime.measure.reference_shapes import REFERENCE_SHAPES, adult_like

pytestmark = pytest.mark.skipif(FIRST is None, reason=REASON)
FEWER = 500  # bytes, of vectors and several trees at a time alone
FEW = COptions(few_bytes=True)
RAGGED = (Shape(), Shape(outputs=3), Shape(leaf="int16"), Shape(leaf="int16", outputs=3, shared=True))


def check(programs: list[Program], folder: Path, compiler: Compiler, *flags: str) -> None:
    check_bits(programs, folder, compiler, flags, few_bytes=True)


@pytest.mark.parametrize("first", range(500, 560, 20))
def test_random_programs(first: int, tmp_path: Path) -> None:
    assert FIRST is not None
    programs = [random_program(seed, 1 + seed % 7) for seed in range(first, first + 20)]
    assert any("model_la_few_trees" in export_c(program, FEW)["model.h"] for program in programs)
    check(programs, tmp_path, FIRST, "-O2")


@pytest.mark.parametrize("seed", range(4))
def test_every_value_inside(seed: int, tmp_path: Path) -> None:
    assert FIRST is not None
    check([inner for _, inner in exposed(random_program(600 + seed))], tmp_path, FIRST, "-O1")


@pytest.mark.parametrize("compiler", ALL, ids=lambda compiler: compiler.name)
def test_every_compiler(compiler: Compiler, tmp_path: Path) -> None:
    programs = [random_program(seed) for seed in range(560, 568)]
    check([*programs, *(ragged_program(shape) for shape in RAGGED)], tmp_path, compiler, "-O3")


def test_sanitizers_find_nothing(tmp_path: Path) -> None:
    assert FIRST is not None
    programs = [random_program(seed) for seed in range(568, 574)]
    ragged = [ragged_program(shape, seed) for seed, shape in enumerate(RAGGED)]
    check([*programs, *ragged], tmp_path, FIRST, "-O1", *SANITIZERS)


def test_the_same_sums_without_floats(tmp_path: Path) -> None:
    assert FIRST is not None
    forms = ("oblivious", "ragged", "tables")
    shapes = [s for s in REFERENCE_SHAPES if s.form in forms and s.size <= 100 and not s.texts]
    programs = [make_program(shape) for shape in shapes]
    (tmp_path / "few").mkdir()
    quick = Compiled(programs, tmp_path, FIRST, ("-O1",), integer_only=True)
    few = Compiled(programs, tmp_path / "few", FIRST, ("-O1",), integer_only=True, few_bytes=True)
    for number, program in enumerate(programs):
        inputs = hostile_inputs(program, np.random.default_rng(number))
        assert np.array_equal(quick.run(number, inputs)["score"], few.run(number, inputs)["score"])


@pytest.mark.parametrize("program", [make_program(adult_like(20, 3)), *map(ragged_program, RAGGED)])
def test_fewer_bytes(program: Program, tmp_path: Path) -> None:
    quick, few = (_compiled_bytes(export_c(program, options)["model.h"], tmp_path) for options in (None, FEW))
    assert few + FEWER <= quick


def test_more_splits_than_a_byte_can_name(tmp_path: Path) -> None:
    """Such trees stay as they are."""
    assert FIRST is not None
    program = make_program(adult_like(300))
    assert "model_la_oblivious8_" in export_c(program, FEW)["model.h"]
    check([program], tmp_path, FIRST, "-O2")


@pytest.mark.parametrize(("limits", "are_few"), [((0, 254), True), ((255, 1), False), ((127, 127), True)])
def test_steps_and_their_counts_fit_in_bytes(limits: tuple[int, int], are_few: bool, tmp_path: Path) -> None:
    """Trees of one split each, of two columns."""
    assert FIRST is not None
    builder = ProgramBuilder(tuple(Column(f"x{j}", ColumnKind.NUMERIC, "float32") for j in range(2)))
    edges = np.arange(255, dtype=np.float32)
    both = builder.add(o.Concat((0, 1)))
    bins = builder.add(o.Bin((both,), np.tile(edges, 2), np.array([0, 255, 510], np.int32), np.array([0, 3], np.int32)))
    trees = o.ObliviousTrees(
        (bins,),
        split_feature=np.array([0, 1], np.int32),
        split_bin=np.array(limits, np.uint16),
        split_offsets=np.array([0, 1, 2], np.int32),
        leaves=np.array([1, -2, 3, 5], np.int8),
        leaf_offsets=np.array([0, 2, 4], np.int32),
        targets=np.zeros(2, np.int32),
        target_offsets=np.array([0, 1, 2], np.int32),
        scale=np.ones(1, np.float32),
        bias=np.zeros(1, np.float32),
    )
    program = builder.build({PREDICTION: builder.add(trees)})
    assert ("model_la_few_trees_i8(" in export_c(program, FEW)["model.h"]) == are_few
    check([program], tmp_path, FIRST, "-O1", *SANITIZERS)


def _compiled_bytes(header: str, folder: Path) -> int:
    assert FIRST is not None
    (folder / "model.h").write_text(header)
    source, target = folder / "size.c", folder / "size.o"
    source.write_text('#include "model.h"\nvoid use(const model_row *r, model_result *o) { model_predict(r, o); }\n')
    FIRST.build(source, target, "-std=c99", *STRICT, "-O2", "-c")
    sections = subprocess.run(["size", str(target)], capture_output=True, text=True, check=True).stdout
    return sum(map(int, sections.splitlines()[1].split()[:3]))
