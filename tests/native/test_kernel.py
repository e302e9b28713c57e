"""The kernel's source: numbers that Python and C agree on, what compilers make of it, and a start without numpy."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from lean_automl_runtime import Artifact, write_artifact
from lean_automl_runtime.engines import available
from lean_automl_runtime.ir import to_bytes
from lean_automl_runtime.measure.reference_programs import make_program, make_records
from lean_automl_runtime.measure.reference_shapes import adult_like
from lean_automl_runtime.native import categories, encode, forests, plan, texts, values
from lean_automl_runtime.native.block import Table

HERE = files("lean_automl_runtime.native")
TEXTS = {
    name: HERE.joinpath(f"lean_automl_{name}.h").read_text("utf-8")
    for name in ("kernel", "arithmetic", "dates", "texts", "plan")
}
KERNEL, ARITHMETIC, DATES, TEXT, PLAN = TEXTS.values()
GCC = shutil.which("gcc")


def constants(text: str, first: str) -> list[str]:
    """Names of the enum that begins with a name."""
    body = re.search(rf"enum {{\s*({first}\b[^}}]*)}}", text)
    assert body is not None
    return re.findall(r"\b(LA_\w+)", re.sub(r"/\*.*?\*/", "", body[1], flags=re.DOTALL))


def test_numbers_that_python_and_c_agree_on() -> None:
    assert constants(PLAN, "LA_OP_RESCALE")[:-1] == [f"LA_OP_{op}" for op in encode.OPS[1:]]
    assert constants(PLAN, "LA_NUMERIC") == [f"LA_{kind.upper()}" for kind in plan.KINDS]
    spaces = [values.FLOATS, values.INTS, values.BYTES, values.DOUBLES, values.LONGS]
    assert constants(PLAN, "LA_FLOATS") == ["LA_FLOATS", "LA_INTS", "LA_BYTES", "LA_DOUBLES", "LA_LONGS"]
    assert spaces == [0, 1, 2, 3, 4]
    assert constants(DATES, "LA_YEAR") == [f"LA_{part.upper()}" for part in values.DATE_PARTS]
    assert constants(ARITHMETIC, "LA_ADD") == [f"LA_{kind.upper()}" for kind in values.ARITHMETIC]
    assert constants(TEXT, "LA_LENGTH") == [f"LA_{field.upper()}" for field in values.TEXT_FIELDS]
    assert constants(PLAN, "LA_STEP_COUNT") == [*(f"LA_STEP_{step}" for step in texts.STEPS[1:]), "LA_STEPS"]
    assert f"#define LA_LONGEST_TOKEN {values.LONGEST_TOKEN}\n" in TEXT
    assert constants(KERNEL, "LA_ONE") == ["LA_ONE", "LA_ROW", "LA_SPARSE"]
    assert (forests.ONE, forests.ROW, forests.SPARSE) == (0, 1, 2)
    assert f"#define LA_MAGIC 0x{encode.MAGIC:08X}" in PLAN
    assert f"0x{categories.FACTOR:X}" in KERNEL


def test_every_op_lowers_to_lines_that_are_known() -> None:
    from lean_automl_runtime.ir import ops as o
    from lean_automl_runtime.native import lower

    assert set(lower._LOWER) | {"Encode", *texts.TEXT_OPS} == set(o.OPS) == set(values._INFER)


def test_a_dictionary_finds_all_and_nothing_else() -> None:
    texts = tuple(f"category {n}" for n in range(1000)) + ("", "é", "x" * 100)[1:]
    found = categories.Dictionary(texts)
    slots = found.slots.numbers().tolist()
    assert sorted(code for code in slots if code) == list(range(2, len(texts) + 2))
    for code, text in enumerate(texts, start=2):
        at = categories.hash_text(text.encode()) & found.mask
        while slots[at] != code:
            assert slots[at] != 0
            at = (at + 1) & found.mask
    empty = categories.Dictionary(())
    assert (empty.mask, empty.slots.numbers().tolist()) == (1, [0, 0])


def test_tables_of_integers() -> None:
    for kind, dtype in (("b", "i1"), ("h", "<i2"), ("i", "<i4"), ("B", "u1"), ("H", "<u2"), ("I", "<u4")):
        limits = np.iinfo(dtype)
        numbers = [int(limits.min), 0, int(limits.max)]
        table = Table.of(kind, numbers)
        assert table.numbers().tolist() == np.frombuffer(table.data, dtype).tolist() == numbers


@pytest.mark.skipif(GCC is None, reason="no gcc")
@pytest.mark.parametrize("flags", [("-mavx2",), ("-mavx512f", "-mavx512bw", "-mavx512vl")], ids=" ".join)
def test_gcc_makes_vectors_of_the_loops_that_matter(flags: tuple[str, ...], tmp_path: Path) -> None:
    source = tmp_path / "run.c"
    source.write_text(
        '#include "lean_automl_plan.h"\nvoid run(const uint8_t *p, const la_slots *s) { la_run(p, s); }\n'
        "void dense(const float *x, const float *w, const float *b, float *o) { la_dense(x, 9, w, b, 64, 1, o); }\n"
    )
    command = ["gcc", "-std=c99", "-O3", "-ffp-contract=off", *flags, f"-I{HERE}", "-S", "-o", "-", str(source)]
    done = subprocess.run([*command, "-fopt-info-vec-optimized"], capture_output=True, text=True, check=True)
    found = re.findall(r"lean_automl_(kernel|arithmetic)\.h:(\d+):\d+: optimized: +loop vectorized", done.stderr)
    vectorized = {function_at(TEXTS[name], int(line)) for name, line in found}
    assert {"la_arithmetic", "la_impute", "la_clip", "la_score", "la_dense", "la_blend"} <= vectorized
    assert "vpshufb" in done.stdout  # 32 bins looked up by an instruction
    assert "vmaskmov" in done.stdout or "vpmaskmov" in done.stdout  # edges counted 8 at a time
    assert not re.search(r"\bvfn?m(add|sub)", done.stdout)


def function_at(text: str, line: int) -> str:
    """Name of the function that a line of a header is in."""
    before = "\n".join(text.splitlines()[:line])
    return re.findall(r"LA_(?:FN|EXACT) .*?(la_\w+)\(", before)[-1]


@pytest.mark.skipif(not available("native"), reason="the extension is not built")
def test_a_model_starts_without_slow_imports(tmp_path: Path) -> None:
    shape = adult_like(20)
    path = tmp_path / "model.lam"
    path.write_bytes(write_artifact(Artifact(make_program(shape), {"note": "é"})))
    record = make_records(shape, rows=1)[0]
    script = (
        "import sys\nbefore = set(sys.modules)\nimport lean_automl_runtime\n"
        f"model = lean_automl_runtime.load({str(path)!r}, engine='native')\n"
        f"model.predict_one({record!r})\n"
        "print(*sorted(set(sys.modules) - before))\n"
    )
    command = [sys.executable, "-I", "-S", "-c", f"import sys\nsys.path.insert(0, {str(root())!r})\n{script}"]
    loaded = set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
    slow = {"numpy", "typing", "dataclasses", "inspect", "re", "json", "enum", "collections", "pathlib", "hashlib"}
    assert "lean_automl_runtime._native" in loaded
    assert not slow & loaded
    assert len(loaded) < 30


def root() -> Path:
    import lean_automl_runtime

    return Path(lean_automl_runtime.__file__).parents[1]


def test_without_a_compiler_the_build_goes_on(tmp_path: Path) -> None:
    setup = root() / "setup.py"
    if not setup.exists():
        pytest.skip("not a source tree")
    command = [
        sys.executable,
        str(setup),
        "-q",
        "build_ext",
        "--build-temp",
        str(tmp_path),
        "--build-lib",
        str(tmp_path),
    ]
    environment = {"PATH": "/nowhere", "CC": "/nowhere/cc", "HOME": str(tmp_path)}
    done = subprocess.run(command, cwd=setup.parent, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not list(tmp_path.rglob("_native*"))


def test_without_the_extension_another_engine_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    from lean_automl_runtime import engines
    from lean_automl_runtime.errors import MissingDependencyError

    monkeypatch.setitem(sys.modules, "lean_automl_runtime._native", None)
    assert not engines.available("native")
    program = make_program(adult_like(2))
    assert engines.make_engine(program).name in ("numba", "reference")
    with pytest.raises(MissingDependencyError, match="was not compiled"):
        engines.make_engine(program, "native")


def test_a_plan_is_the_same_each_time() -> None:
    program = make_program(adult_like(10))
    raw = encode.encode(plan.build_plan(*to_bytes(program)))
    assert raw == encode.encode(plan.build_plan(*to_bytes(program)))
    assert len(raw) % 8 == 0
