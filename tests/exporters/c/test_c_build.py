"""Headers compile everywhere without a warning, in no time, and hold only what their Program needs."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from c_compilers import ALL, FIRST, REASON, STRICT, Compiler
from conformance.programs import random_program
from lean_automl_exporters.c import COptions, export_c
from lean_automl_exporters.c.kernel import Kernel
from lean_automl_exporters.c.lines import in_bytes
from lean_automl_runtime.ir import Program
from lean_automl_runtime.ir import ops as o
from lean_automl_runtime.measure.reference_programs import make_program
from lean_automl_runtime.measure.reference_shapes import adult_like
from lean_automl_runtime.native.block import Table

needs_compiler = pytest.mark.skipif(FIRST is None, reason=REASON)
LONGEST_COMPILE_S = 2.0


def write(program: Program, folder: Path, prefix: str = "model", more: str = "") -> Path:
    """A source file that has the header and the example's `main`."""
    for name, text in export_c(program, COptions(prefix)).items():
        (folder / name).write_text(text)
    source = folder / f"{prefix}.c"
    source.write_text(f'#define {prefix.upper()}_MAIN\n#include "{prefix}.h"\n{more}')
    return source


@pytest.mark.parametrize("compiler", ALL, ids=lambda compiler: compiler.name)
def test_the_example_builds_and_runs(compiler: Compiler, tmp_path: Path) -> None:
    program = make_program(adult_like(30))
    source = write(program, tmp_path)
    for standard in compiler.standards:
        compiler.build(source, tmp_path / "example", standard, *STRICT, "-O2")
        shown = subprocess.run([str(tmp_path / "example")], capture_output=True, text=True, check=True).stdout
        label, *probabilities = shown.split("\n")[:-1]
        assert label in ("class 0", "class 1")
        assert sum(map(float, probabilities)) == pytest.approx(1, abs=1e-6)


@needs_compiler
@pytest.mark.parametrize("level", ["-O0", "-Os", "-O2", "-O3"])
@pytest.mark.parametrize("seed", range(300, 306))
def test_no_warning_at_any_level(seed: int, level: str, tmp_path: Path) -> None:
    assert FIRST is not None
    FIRST.build(write(random_program(seed), tmp_path), tmp_path / "example", "-std=c99", *STRICT, level)


@needs_compiler
def test_two_models_in_one_program(tmp_path: Path) -> None:
    assert FIRST is not None
    write(make_program(adult_like(5)), tmp_path, "second")
    source = write(random_program(1), tmp_path, "first", '#include "second.h"\n#include "first.h"\n')
    FIRST.build(source, tmp_path / "both", "-std=c99", *STRICT)


@needs_compiler
@pytest.mark.parametrize("trees", [100, 3000])
def test_compile_time_does_not_grow_out_of_hand(trees: int, tmp_path: Path) -> None:
    assert FIRST is not None
    source = write(make_program(adult_like(trees)), tmp_path)
    took = []
    for _ in range(3):
        begin = time.perf_counter()
        FIRST.build(source, tmp_path / "example", "-std=c99", "-O2")
        took.append(time.perf_counter() - begin)
    assert min(took) <= LONGEST_COMPILE_S


@needs_compiler
def test_no_static_memory_and_no_library(tmp_path: Path) -> None:
    assert FIRST is not None
    if shutil.which("nm") is None:
        pytest.skip("no nm")
    write(make_program(adult_like(100)), tmp_path)
    source = tmp_path / "use.c"
    source.write_text('#include "model.h"\nvoid use(const model_row *r, model_result *o) { model_predict(r, o); }\n')
    FIRST.build(source, tmp_path / "use.o", "-std=c99", "-O2", "-c", "-fno-pic", "-fno-stack-protector")
    symbols = subprocess.run(["nm", str(tmp_path / "use.o")], capture_output=True, text=True, check=True).stdout
    kinds = {line.split()[-2]: line.split()[-1] for line in symbols.splitlines()}
    assert not set("bBdDcC") & set(kinds)
    undefined = {line.split()[-1] for line in symbols.splitlines() if " U " in line}
    assert undefined <= {"memcpy", "memset"}


def test_only_the_parts_that_are_needed() -> None:
    header = export_c(make_program(adult_like(5)))["model.h"]
    defined = set(re.findall(r"model_la_\w+", header))
    assert "model_la_oblivious8_i16" in defined
    assert not {
        name for name in defined if "ragged" in name or "dense" in name or "date" in name or "oblivious32" in name
    }
    assert "@part" not in header
    assert "math.h" not in header


def test_small_ragged_trees_take_bytes() -> None:
    """Nodes of few columns whose children are near: a byte for what they ask, two for their children."""
    program = next(p for p in map(random_program, range(400)) if any(_is_small(op) for op in p.ops))
    header = export_c(program)["model.h"]
    assert "model_la_walk8" in header
    assert "model_la_walk16" not in header


def _is_small(op: o.Op) -> bool:
    return isinstance(op, o.RaggedTrees) and op.leaves.dtype == np.int8 and op.feature.size > 3


@pytest.mark.parametrize(("column", "reach", "fits"), [(127, 127, True), (128, 127, False), (127, 128, False)])
def test_nodes_that_do_not_fitin_bytes_keep_their_numbers(column: int, reach: int, fits: bool) -> None:
    children = [reach if reach < 128 else 1, -128 if reach < 128 else -129]
    children = [*children, *([-1, -1] * reach)]
    found = in_bytes(Table.of("H", [2 * column + 1] * (reach + 1)), Table.of("h", children))
    assert (found is not None) is fits
    if found is not None:
        assert found[0].numbers().tolist() == [255] * 128
        assert found[1].numbers().tolist()[:2] == [127, -128]


def test_every_part_of_the_kernel_is_found() -> None:
    kernel = Kernel()
    parts = set(kernel._parts)
    assert {"core", "find16", "leaves8", "oblivious32_i32", "softmax", "label"} <= parts
    assert {need for needs, _ in kernel._parts.values() for need in needs} <= parts
    assert all(text.count("/*") == text.count("*/") for _, text in kernel._parts.values())


def test_an_export_is_the_same_each_time() -> None:
    program = random_program(7)
    assert export_c(program) == export_c(program)


def test_constants_are_exact() -> None:
    from lean_automl_exporters.c.tables import number

    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2**32, 20_000, dtype=np.uint32)
    for value in bits.view(np.float32):
        if np.isfinite(value):
            assert np.float32(number(float(value), "f").rstrip("f")) == value
    assert [number(float(x), "f") for x in (0, -0.0, np.inf, -np.inf, np.nan)] == [
        "0.0f",
        "-0.0f",
        "INFINITY",
        "-INFINITY",
        "NAN",
    ]
    assert number(-(2**31), "i") == "(-2147483647 - 1)"
    assert float(number(0.1, "d")) == 0.1
