"""Headers for cores without floats: the same labels and sums, and not one float instruction."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from c_compilers import ALL, FIRST, REASON, SANITIZERS, Compiler
from c_harness import Compiled
from conformance.programs import hostile_inputs, label_is_defined, random_program
from lean_automl_exporters.c import COptions, export_c
from lean_automl_exporters.c.integer import without_floats
from lean_automl_runtime.errors import UnsupportedOpError
from lean_automl_runtime.ir import LABEL, PREDICTION, PROBABILITIES, Program, to_bytes
from lean_automl_runtime.ir import ops as o
from lean_automl_runtime.measure.reference_programs import make_program
from lean_automl_runtime.measure.reference_shapes import REFERENCE_SHAPES, adult_like
from lean_automl_runtime.native.plan import build_plan
from lean_automl_runtime.reference import evaluate, prepare

needs_compiler = pytest.mark.skipif(FIRST is None, reason=REASON)
ARM = shutil.which("arm-none-eabi-gcc")


def integer_programs(count: int, first: int = 0) -> list[Program]:
    """Random Programs that need no floats."""
    found: list[Program] = []
    seed = first
    while len(found) < count:
        program = random_program(seed, 1 + seed % 3)
        seed += 1
        try:
            without_floats(build_plan(*to_bytes(program)))
        except UnsupportedOpError:
            continue
        found.append(program)
    return found


def check(program: Program, compiled: Compiled, number: int) -> None:
    inputs = hostile_inputs(program, np.random.default_rng(number))
    expected, found = evaluate(program, inputs), compiled.run(number, inputs)
    plan = without_floats(build_plan(*to_bytes(program)))
    scale, bias = np.float32(plan.scale), np.float32(plan.bias)
    scores = found["score"].astype(np.float32) * scale + bias
    if PREDICTION in expected:
        assert np.array_equal(scores, expected[PREDICTION])
        return
    kind = o.LinkKind.SIGMOID if scale.size == 1 else o.LinkKind.SOFTMAX
    assert np.array_equal(prepare(o.Link((0,), kind))(scores), expected[PROBABILITIES])
    same = found[LABEL] == expected[LABEL]
    assert (same if scale.size == 1 else same | ~label_is_defined(program, expected[PROBABILITIES], 1e-6)).all()


@needs_compiler
@pytest.mark.parametrize(
    ("first", "count", "flags"),
    [(0, 20, ("-O2",)), (1000, 20, ("-O1",)), (500, 6, ("-O1", *SANITIZERS))],
    ids=["O2", "O1", "sanitizers"],
)
def test_random_programs(first: int, count: int, flags: tuple[str, ...], tmp_path: Path) -> None:
    assert FIRST is not None
    programs = integer_programs(count, first)
    compiled = Compiled(programs, tmp_path, FIRST, flags, integer_only=True)
    for number, program in enumerate(programs):
        check(program, compiled, number)


@pytest.mark.parametrize("compiler", ALL, ids=lambda compiler: compiler.name)
def test_every_compiler(compiler: Compiler, tmp_path: Path) -> None:
    forms = ("oblivious", "ragged", "tables")
    shapes = [s for s in REFERENCE_SHAPES if s.form in forms and s.size <= 100 and not s.texts]
    programs = [*integer_programs(6, 2000), *(make_program(shape) for shape in shapes)]
    compiled = Compiled(programs, tmp_path, compiler, ("-O1",), integer_only=True)
    for number, program in enumerate(programs):
        check(program, compiled, number)


@needs_compiler
def test_keys_order_as_floats_do(tmp_path: Path) -> None:
    assert FIRST is not None
    (tmp_path / "m.h").write_text(export_c(make_program(adult_like(1)), COptions("m", integer_only=True))["m.h"])
    (tmp_path / "m.c").write_text(
        '#include "m.h"\n#include <stdio.h>\nint main(void) {\n    int64_t whole;\n    float number;\n'
        "    while (fread(&whole, 8, 1, stdin) == 1 && fread(&number, 4, 1, stdin) == 1) {\n"
        "        int32_t keys[2];\n        keys[0] = m_of_int(whole);\n        keys[1] = m_of_float(number);\n"
        "        fwrite(keys, 8, 1, stdout);\n    }\n    return 0;\n}\n"
    )
    FIRST.build(tmp_path / "m.c", tmp_path / "m", "-std=c99", "-O1", *SANITIZERS)
    rng = np.random.default_rng(0)
    whole = rng.integers(-(2**63), 2**63 - 1, 20_000) >> rng.integers(0, 64, 20_000)
    halves = np.array([2**24 + 1, 2**24 + 3, 2**25 + 2, 2**25 + 6, 2**53 + 2**28, -(2**24) - 1, -(2**63), 2**63 - 1, 0])
    whole[: halves.size] = halves
    numbers = rng.integers(0, 2**32, 20_000, dtype=np.uint32).view(np.float32)
    numbers[:4] = [0.0, -0.0, np.inf, -np.inf]
    rows = np.empty(20_000, dtype=[("whole", "<i8"), ("number", "<f4")])
    rows["whole"], rows["number"] = whole, numbers
    done = subprocess.run([str(tmp_path / "m")], input=rows.tobytes(), capture_output=True, check=True)
    keys = np.frombuffer(done.stdout, "<i4").reshape(-1, 2).astype(np.int64)

    def key(x: np.ndarray) -> np.ndarray:
        size = (x.view(np.uint32) & 0x7FFFFFFF).astype(np.int64)
        return np.where(np.isnan(x), -(2**31), np.where(np.signbit(x), -size, size))

    assert np.array_equal(keys[:, 0], key(whole.astype(np.float32)))
    assert np.array_equal(keys[:, 1], key(numbers))
    a, b = numbers[:-1], numbers[1:]
    ordered = ~np.isnan(a) & ~np.isnan(b)
    assert np.array_equal((a < b)[ordered], (keys[:-1, 1] < keys[1:, 1])[ordered])


@pytest.mark.skipif(ARM is None, reason="no arm-none-eabi-gcc")
@pytest.mark.parametrize("core", ["cortex-m0", "cortex-m3"])
def test_a_small_core_calls_no_float_routine(core: str, tmp_path: Path) -> None:
    for number, program in enumerate([make_program(adult_like(30, 4)), *integer_programs(8, 3000)]):
        (tmp_path / "m.h").write_text(export_c(program, COptions("m", integer_only=True))["m.h"])
        source, target = tmp_path / "use.c", tmp_path / f"use{number}.o"
        source.write_text('#include "m.h"\nvoid use(const m_row *r, m_result *o) { m_predict(r, o); }\n')
        flags = ("-std=c99", "-Os", "-mthumb", f"-mcpu={core}", "-ffreestanding", "-Wall", "-Wextra", "-Werror")
        subprocess.run(["arm-none-eabi-gcc", *flags, "-c", str(source), "-o", str(target)], check=True)
        symbols = subprocess.run(["arm-none-eabi-nm", str(target)], capture_output=True, text=True, check=True).stdout
        undefined = {line.split()[-1] for line in symbols.splitlines() if " U " in line}
        assert not {name for name in undefined if re.match(r"__aeabi_([fd]|u?[il]2[fd])", name)}
        whole_numbers = {"__aeabi_ldivmod", "__aeabi_uldivmod", "__aeabi_lmul", "__aeabi_llsl", "__aeabi_llsr"}
        assert undefined <= {"memcpy", "memset"} | whole_numbers
        sizes = subprocess.run(["arm-none-eabi-size", str(target)], capture_output=True, text=True, check=True).stdout
        assert sizes.splitlines()[1].split()[1:3] == ["0", "0"]  # no data, no bss


@pytest.mark.parametrize("form", ["dense", "linear_leaves"])
def test_what_integers_cannot_say(form: str) -> None:
    shape = next(shape for shape in REFERENCE_SHAPES if shape.form == form)
    with pytest.raises(UnsupportedOpError, match="integer-only C cannot say"):
        export_c(make_program(shape), COptions(integer_only=True))
