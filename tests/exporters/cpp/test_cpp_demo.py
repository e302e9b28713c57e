"""The C++ programs of `cpp_demo`: they build, answer as the engines do, and say what is wrong with a table."""

from __future__ import annotations

import csv
import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conformance.programs import hostile_inputs, random_program
from lean_automl_exporters.ordinary import ordinary_rows
from lean_automl_runtime import load
from lean_automl_runtime.ir import MISSING_TIME, Program
from quality.project import ROOT
from quality.small_model import small_program, small_records

DEMO = ROOT / "cpp_demo"
CMAKE = shutil.which("cmake")
COMPILER = next((found for name in ("c++", "g++", "clang++") if (found := shutil.which(name))), None)
NO_LIBRARY = ("-DONNXRUNTIME_LIBRARY=", "-DCMAKE_DISABLE_FIND_PACKAGE_Python3=TRUE")
pytestmark = [
    pytest.mark.skipif(CMAKE is None, reason="no cmake"),
    pytest.mark.skipif(COMPILER is None, reason="no C++ compiler: install g++ or clang++"),
]


def load_generator() -> Any:
    spec = importlib.util.spec_from_file_location("make_demo", DEMO / "make_demo.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


make_demo = load_generator()


def build(model: Path, folder: Path, *options: str) -> str:
    """Configure and build; what cmake said."""
    assert CMAKE is not None
    asked = ("-DCMAKE_CXX_FLAGS=-Wconversion -pedantic -Werror", f"-DPython3_EXECUTABLE={sys.executable}")
    commands = (
        [CMAKE, "-S", str(DEMO), "-B", str(folder), f"-DMODEL_DIR={model}", *asked, *options],
        [CMAKE, "--build", str(folder)],
    )
    said = ""
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        said += done.stdout
    return said


def run(*command: object) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def table(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.reader(lines))


def text_records(program: Program, arrays: list[np.ndarray[Any, Any]]) -> list[dict[str, str]]:
    """Typed rows as the text of cells."""
    columns = []
    for array in arrays:
        missing = array == MISSING_TIME if array.dtype == np.int64 else np.array([v != v for v in array])  # noqa: PLR0124
        columns.append(["" if gone else str(v) for v, gone in zip(array.tolist(), missing, strict=True)])
    names = [column.name for column in program.columns]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


@pytest.fixture(scope="module")
def census(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model of the README, and both programs built for it."""
    folder = tmp_path_factory.mktemp("census")
    run(sys.executable, DEMO / "make_demo.py", "--out", folder / "model")
    said = build(folder / "model", folder / "build")
    assert "libonnxruntime" in said
    return folder


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of two columns, and the program with its header."""
    folder = tmp_path_factory.mktemp("small")
    records = [{name: "" if value is None else str(value) for name, value in r.items()} for r in small_records()]
    make_demo.write_demo(small_program(), records, folder / "model")
    build(folder / "model", folder / "build", *NO_LIBRARY)
    return folder


def test_both_programs_give_the_expected_answers(census: Path) -> None:
    model, programs = census / "model", census / "build"
    shared = (model / "rows.csv", census / "predictions.csv", model / "expected.csv")
    said = run(programs / "header_demo", *shared)
    assert "largest difference of a number 0\n" in said
    assert said.count("p50") == said.count("p99") == 2
    assert table(census / "predictions.csv") == table(model / "expected.csv")
    said = run(programs / "onnx_demo", model / "model.onnx", *shared)
    assert "2000 rows compared: 0 labels differ" in said
    found, expected = table(census / "predictions.csv"), table(model / "expected.csv")
    assert [row[0] for row in found] == [row[0] for row in expected]
    np.testing.assert_allclose(
        np.array([row[1:] for row in found[1:]], float), np.array([row[1:] for row in expected[1:]], float), atol=1e-6
    )


@pytest.mark.parametrize("seed", [17, 20, 22, 26, 34])
def test_odd_columns_and_cells(seed: int, census: Path, tmp_path: Path) -> None:
    """Random Programs with columns of every kind: the header gives the bits of the reference on hostile rows, and the
    ONNX file what onnxruntime gives in Python.
    """
    program = random_program(seed, size=6)
    rng = np.random.default_rng(seed)
    make_demo.write_demo(program, text_records(program, hostile_inputs(program, rng)), tmp_path)
    build(tmp_path, tmp_path / "build", "-DCMAKE_BUILD_TYPE=Debug", *NO_LIBRARY)
    run(tmp_path / "build" / "header_demo", tmp_path / "rows.csv", tmp_path / "found.csv", tmp_path / "expected.csv")
    assert numbers_alike(table(tmp_path / "found.csv"), table(tmp_path / "expected.csv"))
    records = text_records(program, ordinary_rows(program, rng, 200))
    names = [column.name for column in program.columns]
    make_demo.write_csv(tmp_path / "rows.csv", names, [[r[name] for name in names] for r in records])
    run(census / "build" / "onnx_demo", tmp_path / "model.onnx", tmp_path / "rows.csv", tmp_path / "found.csv")
    model = load(tmp_path / "model.onnx")
    answers = [model.predict_one(record) for record in records]
    expected = [[str(a.value), *map(nine_digits, a.probabilities)] for a in answers]
    if not program.classes:
        expected = [[nine_digits(a.value)] for a in answers]
    assert numbers_alike(table(tmp_path / "found.csv")[1:], expected)


def nine_digits(number: Any) -> str:
    return f"{number:.9g}"


def numbers_alike(found: list[list[str]], expected: list[list[str]]) -> bool:
    """Equal text, whatever sign a NaN has."""
    return [[cell.replace("-nan", "nan") for cell in row] for row in found] == expected


def answer(small: Path, text: str, tmp_path: Path) -> str:
    """The labels for a table, or what the program complained about."""
    (tmp_path / "rows.csv").write_bytes(text.encode())
    command = [str(small / "build" / "header_demo"), str(tmp_path / "rows.csv"), str(tmp_path / "found.csv")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return done.stderr
    return " ".join(row[0] for row in table(tmp_path / "found.csv")[1:])


@pytest.mark.parametrize(
    "text",
    [
        "age,job\n30,clerk\n99,né\n",
        "age,job\r\n30,clerk\r\n99,né\r\n",
        "\ufeffage,job\n30,clerk\n99,né",
        'job,"age",other\n"clerk", 30 ,"a ""quoted"",\ncell"\n\nné,"9.9e1",\n',
    ],
)
def test_forms_of_tables(small: Path, text: str, tmp_path: Path) -> None:
    model = load_small()
    expected = [model.predict_one(r).value for r in ({"age": 30, "job": "clerk"}, {"age": 99, "job": "né"})]
    assert answer(small, text, tmp_path) == " ".join(expected)


def load_small() -> Any:
    from lean_automl_runtime.engines import make_engine
    from lean_automl_runtime.model import Model

    program = small_program()
    return Model(make_engine(program, "reference"), program.columns, program.classes, {})


def test_missing_cells(small: Path, tmp_path: Path) -> None:
    records: list[dict[str, Any]] = [{"age": None, "job": None}, {"age": None, "job": "né"}, {"age": 41, "job": None}]
    expected = " ".join(load_small().predict_one(record).value for record in records)
    assert answer(small, "age,job\n,\n ,né\n41\n", tmp_path) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the table is empty"),
        ("age\n1\n", "the table has no column 'job'"),
        ("age,job\n1,clerk\nold,clerk\n", "row 1, column 'age': 'old' is not a number"),
        ("age,job\n0x10,clerk\n", "'0x10' is not a number"),
        ("age,job\n1,clerk,2\n", "row 0 has more cells than there are columns"),
        ('age,job\n1,"clerk\n', "a quote is not closed"),
    ],
)
def test_tables_that_cannot_be_read(small: Path, text: str, words: str, tmp_path: Path) -> None:
    assert words in answer(small, text, tmp_path)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("-5", -5),
        ("1970-01-01", 0),
        ("2024-02-29T23:59:59", 1_709_251_199),
        (" 2024-3-1 00:00 ", 1_709_251_200),
        ("0001-01-01", -62_135_596_800),
    ],
)
def test_dates(text: str, seconds: int, dates: Path) -> None:
    assert run(dates, text).strip() == str(seconds)


@pytest.mark.parametrize(
    "text", ["2024-13-01", "2024-03-31X18:00", "2024-03-31T25:00", "31.3.2024", "1970-01-01T00:00:00Z"]
)
def test_what_is_no_date(text: str, dates: Path) -> None:
    done = subprocess.run([str(dates), text], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "is neither seconds since 1970 nor a date" in done.stderr


DATES = """
#include "cells.hpp"
int main(int, char **arguments) {
    try {
        std::printf("%lld", static_cast<long long>(seconds_of(arguments[1])));
        return 0;
    } catch (const std::exception &error) {
        std::fprintf(stderr, "%s", error.what());
        return 1;
    }
}
"""


@pytest.fixture(scope="module")
def dates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program that reads its argument as a time."""
    folder = tmp_path_factory.mktemp("dates")
    (folder / "dates.cpp").write_text(DATES, encoding="utf-8")
    assert COMPILER is not None
    run(COMPILER, "-std=c++17", f"-I{DEMO / 'src'}", folder / "dates.cpp", "-o", folder / "dates")
    return folder / "dates"


def test_without_onnxruntime_the_other_program_is_built(small: Path, tmp_path: Path) -> None:
    said = build(small / "model", tmp_path, *NO_LIBRARY)
    assert "onnxruntime was not found: header_demo is built alone" in said
    assert (tmp_path / "header_demo").exists()
    assert not (tmp_path / "onnx_demo").exists()


def test_a_library_that_is_none(census: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ONNXRUNTIME_LIBRARY", str(tmp_path / "absent.so"))
    model = census / "model"
    command = [census / "build" / "onnx_demo", model / "model.onnx", model / "rows.csv", tmp_path / "out.csv"]
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "onnxruntime cannot be loaded" in done.stderr
