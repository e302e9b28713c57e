"""Counts: the driver predicts what the reference predicts, and the same work counts the same."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lean_automl_runtime.ir import Column, ColumnKind, Program
from lean_automl_runtime.measure.reference_programs import make_program, make_records
from lean_automl_runtime.measure.reference_shapes import Shape
from lean_automl_runtime.records import RecordReader
from lean_automl_runtime.reference import evaluate
from quality.small_model import small_program, small_records

from lean_automl.compiler.c_rows import ROWS
from lean_automl.compiler.c_tools import FLAGS
from lean_automl.errors import ToolchainError
from lean_automl.gate.count import COUNTED_ROWS, SYNTHETIC, Conditions, count_row, find_tools, read_profile
from lean_automl.gate.driver import SOURCE, driver_files

COMPILER = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
needs_compiler = pytest.mark.skipif(COMPILER is None, reason="no C compiler: install gcc or clang")
needs_tools = pytest.mark.skipif(COMPILER is None or shutil.which("valgrind") is None, reason="no valgrind or compiler")
EVERY_KIND = Shape("ragged", 10, 3, numeric=2, categorical=2, times=2)
PROFILE = "desc: x\ncmd: ./gate 1\nevents: Ir Bc Bcm Bi Bim\nfl=a\nfn=b\n1 2 3 4 5 6\nsummary: 100 20 3 4 1\n"


def arrays_of(program: Program, records: list[dict[str, Any]]) -> list[Any]:
    return list(RecordReader(program.columns).table(records))


@needs_compiler
@pytest.mark.parametrize(
    ("program", "records"),
    [(small_program(), small_records()), (make_program(EVERY_KIND), make_records(EVERY_KIND, rows=60))],
    ids=["numbers and texts", "every kind of column"],
)
def test_the_driver_predicts_what_the_reference_does(
    program: Program, records: list[dict[str, Any]], tmp_path: Path
) -> None:
    arrays = arrays_of(program, records)
    for name, content in driver_files(program, arrays).items():
        (tmp_path / name).write_bytes(content)
    source = tmp_path / SOURCE
    silent = '__asm__ volatile("" : : "r"(&result), "r"(raw), "r"(texts) : "memory");'
    assert source.read_text().count(silent) == 1
    source.write_text(source.read_text().replace(silent, "fwrite(&result, sizeof result, 1, stdout);"))
    subprocess.run([str(COMPILER), *FLAGS, SOURCE, "-o", "gate", "-lm"], cwd=tmp_path, check=True)
    done = subprocess.run(["./gate", "1"], cwd=tmp_path, capture_output=True, check=True)
    found = np.frombuffer(done.stdout, dtype=[("label", "<i4"), ("probabilities", "<f4", 2)])
    expected = evaluate(program, arrays)
    assert np.array_equal(found["probabilities"], expected["probabilities"])
    assert [program.classes[code] for code in found["label"]] == expected["label"].reshape(-1).tolist()


def test_columns_that_look_alike_stay_apart() -> None:
    program = small_program()
    columns = (Column("A b", ColumnKind.NUMERIC, "float32"), Column("a-B", ColumnKind.CATEGORICAL, "string"))
    source = driver_files(replace(program, columns=columns), arrays_of(program, small_records()))[SOURCE].decode()
    assert "row.a_b = raw->value0;" in source
    assert "row.a_b_2 = model_a_b_2_code(texts + raw->start1, (size_t)raw->length1);" in source


def test_a_text_is_stored_once() -> None:
    arrays = [np.zeros(100, dtype=np.float32), np.array(["clerk"] * 100, dtype=object)]
    assert driver_files(small_program(), arrays)[ROWS].endswith(b"clerk")
    assert driver_files(small_program(), arrays)[ROWS].count(b"clerk") == 1


def test_a_profile_is_read() -> None:
    assert read_profile(PROFILE) == {"Ir": 100, "Bc": 20, "Bcm": 3, "Bi": 4, "Bim": 1}


@pytest.mark.parametrize("text", ["", PROFILE.replace("Bim", "Q"), PROFILE.replace("summary", "total"), PROFILE[:-3]])
def test_a_profile_that_is_none(text: str) -> None:
    with pytest.raises(ToolchainError, match="no profile"):
        read_profile(text)


@needs_tools
def test_counts_are_the_same_each_time_and_grow_with_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    tools, program = find_tools(), make_program(EVERY_KIND)
    first = count_row(program, None, tools)
    monkeypatch.setenv("SOME_VARIABLE", "x" * 1000)
    assert count_row(program, None, tools) == first
    larger = count_row(make_program(replace(EVERY_KIND, size=20)), None, tools)
    assert larger.instructions > 1.2 * first.instructions
    assert larger.branches > first.branches > 0
    assert first.conditions.rows == COUNTED_ROWS
    assert first.conditions.data == SYNTHETIC
    assert not larger.conditions.differences(first.conditions)


@needs_tools
def test_counts_are_of_one_row() -> None:
    tools, program = find_tools(), small_program()
    arrays = arrays_of(program, small_records(35))
    once, twice = (count_row(program, [np.tile(x, times) for x in arrays], tools) for times in (1, 2))
    assert twice.instructions == pytest.approx(once.instructions, rel=0.01)
    assert (once.conditions.rows, twice.conditions.rows) == (35, 70)
    assert [text.split(":")[0] for text in twice.conditions.differences(once.conditions)] == ["rows", "data"]


@needs_compiler
def test_without_valgrind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "cc").symlink_to(str(COMPILER))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    with pytest.raises(ToolchainError, match="apt-get install valgrind"):
        find_tools()


def test_without_a_compiler(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    with pytest.raises(ToolchainError, match="Install gcc or clang"):
        find_tools()
    monkeypatch.setenv("CC", "absent-cc -m32")
    with pytest.raises(ToolchainError, match="'absent-cc' that CC names"):
        find_tools()


@needs_tools
def test_a_compiler_that_fails() -> None:
    tools = find_tools()
    with pytest.raises(ToolchainError, match="ended with exit code"):
        count_row(small_program(), None, replace(tools, compiler=(*tools.compiler, "--no-such-option")))


def test_conditions_say_what_differs() -> None:
    here = Conditions("cc 13", "-O2", "valgrind-3.19.0", "x86_64", 1000, "synthetic")
    assert here.differences(here) == []
    assert replace(here, compiler="cc 12").differences(here) == ["compiler: cc 13 there, cc 12 here"]
