"""Compiled headers give the bits of the reference, whatever the Program, the row and the compiler."""

from __future__ import annotations

from pathlib import Path

import pytest
from c_compilers import ALL, CROSS, FIRST, REASON, SANITIZERS, STRICT, Compiler
from c_harness import check_bits
from conformance.compare import exposed
from conformance.programs import random_program
from lean_automl_exporters.c import export_c
from lean_automl_exporters.c.tables import PACKED
from lean_automl_runtime.ir import Program
from lean_automl_runtime.measure.reference_programs import make_program
from lean_automl_runtime.measure.reference_shapes import adult_like

pytestmark = pytest.mark.skipif(FIRST is None, reason=REASON)

TOGETHER = 20  # Programs in one executable: a compiler's start takes longer than a header


def check(programs: list[Program], folder: Path, compiler: Compiler, *flags: str) -> None:
    check_bits(programs, folder, compiler, flags)


@pytest.mark.parametrize("first", range(0, 100, TOGETHER))
def test_random_programs(first: int, tmp_path: Path) -> None:
    assert FIRST is not None
    programs = [random_program(seed, 1 + seed % 7) for seed in range(first, first + TOGETHER)]
    check(programs, tmp_path, FIRST, "-O2")


@pytest.mark.parametrize("seed", range(8))
def test_every_value_inside(seed: int, tmp_path: Path) -> None:
    assert FIRST is not None
    check([inner for _, inner in exposed(random_program(100 + seed))], tmp_path, FIRST, "-O1")


@pytest.mark.parametrize("compiler", ALL, ids=lambda compiler: compiler.name)
@pytest.mark.parametrize("level", ["-O0", "-O3"])
def test_every_compiler(compiler: Compiler, level: str, tmp_path: Path) -> None:
    check([random_program(seed) for seed in range(200, 212)], tmp_path, compiler, level)


@pytest.mark.parametrize("flag", ["-mavx2", "-march=native", "-mavx2 -mfma", "-mavx2 -mfma -ffp-contract=fast"])
def test_vector_instructions(flag: str, tmp_path: Path) -> None:
    assert FIRST is not None
    if "avx2" not in _processor():
        pytest.skip("the processor has no AVX2")
    check([random_program(seed) for seed in range(212, 232)], tmp_path, FIRST, "-O3", *flag.split())


@pytest.mark.parametrize("flags", ["", "-mavx2"])
def test_blocks_that_are_not_full(flags: str, tmp_path: Path) -> None:
    """Vectors take 16 trees at a time: fewer, halves that overlap, and a block more."""
    assert FIRST is not None
    if flags and "avx2" not in _processor():
        pytest.skip("the processor has no AVX2")
    check([make_program(adult_like(trees)) for trees in (15, 16, 17, 31, 33)], tmp_path, FIRST, "-O2", *flags.split())


@pytest.mark.parametrize("compiler", ALL, ids=lambda compiler: compiler.name)
def test_long_tables(compiler: Compiler, tmp_path: Path) -> None:
    """Tables from so many numbers on are written as texts."""
    program = make_program(adult_like(PACKED // 64 + 3))  # 64 leaves a tree
    assert "char text[" in export_c(program)["model.h"]
    assert "char text[" not in export_c(make_program(adult_like(100)))["model.h"]
    check([program], tmp_path, compiler, *STRICT, "-O2")


@pytest.mark.skipif(not CROSS, reason="no cross compiler with an emulator: gcc-aarch64-linux-gnu, qemu-user-static")
@pytest.mark.parametrize("compiler", CROSS, ids=lambda compiler: compiler.name)
@pytest.mark.parametrize("level", ["-O2", "-O3"])
def test_other_machines(compiler: Compiler, level: str, tmp_path: Path) -> None:
    check([random_program(seed) for seed in range(244, 264)], tmp_path, compiler, level)


def test_sanitizers_find_nothing(tmp_path: Path) -> None:
    assert FIRST is not None
    check([random_program(seed) for seed in range(232, 240)], tmp_path, FIRST, "-O1", *SANITIZERS)


def _processor() -> str:
    try:
        return Path("/proc/cpuinfo").read_text("utf-8")
    except OSError:
        return ""
