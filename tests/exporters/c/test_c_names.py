"""Columns, categories and labels may be called anything: nothing of theirs gets out of a literal or a comment."""

from __future__ import annotations

import re
import string
from pathlib import Path

import numpy as np
import pytest
from c_compilers import ALL, FIRST, REASON, STRICT
from c_harness import Compiled
from conformance.compare import assert_same
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lean_automl_exporters.c import COptions, export_c
from lean_automl_exporters.c.names import RESERVED, Names, comment, identifier, literal
from lean_automl_runtime.errors import ConfigError
from lean_automl_runtime.ir import LABEL, PROBABILITIES, Column, ColumnKind, Program, ProgramBuilder
from lean_automl_runtime.ir import ops as o
from lean_automl_runtime.reference import evaluate

HOSTILE = (
    *('"', "\\", "'", "*/", "/*", "//", "??/", "??'", "\n", "\r\n", "a\\\nb", '"; exit(1); "', "*/ #error */"),
    *("#define int float", "%s%n", "\0", "\x7f", "\u2028", "é", "e\u0301", "日本語", "\U0001f600", "\ud800", "\ufeff"),
    *("int", "class", "NULL", "unix", "linux", "errno", "main", "row", "result", "label", "INT64_MIN", "static"),
    *("", " ", "_", "__", "_x", "x_", "X", "x", "x 2", "x_2", "1", "1st", "a" * 200, "la_bin8", "m0_la_exp", "f", "i"),
    *("missing", "MISSING", "unseen", "a b", "a_b", "a-b", "A B", "\u00c5", "\u212b", "x" * 5000),
)
texts = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=12)).filter(bool)


def program_of(columns: list[str], categories: list[str], classes: tuple[str, ...]) -> Program:
    """A category of each column decides a little."""
    builder = ProgramBuilder(tuple(Column(name, ColumnKind.CATEGORICAL, "string") for name in columns))
    rng = np.random.default_rng(0)
    values = []
    for number in range(len(columns)):
        code = builder.add(o.Encode((number,), tuple(categories)))
        table = rng.normal(size=(len(categories) + 2, 1)).astype(np.float32)
        values.append(builder.add(o.Lookup((code,), table)))
    joined = builder.add(o.Concat(tuple(values)))
    weight = rng.normal(size=(len(columns), len(classes))).astype(np.float32)
    scores = builder.add(o.Dense((joined,), weight, np.zeros(len(classes), np.float32), o.Activation.IDENTITY))
    probabilities = builder.add(o.Link((scores,), o.LinkKind.SOFTMAX))
    label = builder.add(o.Label((probabilities,), classes, None))
    return builder.build({LABEL: label, PROBABILITIES: probabilities})


@pytest.mark.skipif(FIRST is None, reason=REASON)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    columns=st.lists(texts, min_size=1, max_size=5, unique=True),
    categories=st.lists(texts, max_size=6, unique=True),
    classes=st.lists(texts, min_size=2, max_size=3, unique=True),
)
def test_any_names_compile_and_work(
    columns: list[str], categories: list[str], classes: list[str], tmp_path: Path
) -> None:
    assert FIRST is not None
    program = program_of(columns, categories, tuple(classes))
    inputs = [np.array([*categories, "", "never seen"], dtype=object) for _ in columns]
    compiled = Compiled([program], tmp_path, FIRST, ("-O0",))
    assert_same(evaluate(program, inputs), compiled.run(0, inputs))


@pytest.mark.parametrize("compiler", ALL, ids=lambda compiler: compiler.name)
def test_all_hostile_names_at_once(compiler: object, tmp_path: Path) -> None:
    names = [name for name in HOSTILE if name]
    program = program_of(names, names, tuple(names))
    inputs = [np.array([*names, "", "other"], dtype=object) for _ in names]
    compiled = Compiled([program], tmp_path, compiler, ("-O0",))  # type: ignore[arg-type]
    assert_same(evaluate(program, inputs), compiled.run(0, inputs))


@pytest.mark.skipif(FIRST is None, reason=REASON)
def test_labels_are_the_bytes_of_the_classes(tmp_path: Path) -> None:
    assert FIRST is not None
    classes = tuple(name for name in HOSTILE if name and "\0" not in name)
    header = export_c(program_of(["x"], ["a"], classes), COptions("m"))["m.h"]
    (tmp_path / "m.h").write_text(header)
    shown = '#include "m.h"\n#include <stdio.h>\nint main(void) {\n    int j;\n    for (j = 0; j < M_CLASSES; j++) {\n'
    shown += "        fwrite(m_labels[j], 1, strlen(m_labels[j]) + 1, stdout);\n    }\n    return 0;\n}\n"
    (tmp_path / "m.c").write_text(shown)
    FIRST.build(tmp_path / "m.c", tmp_path / "m", FIRST.standards[0], *STRICT)
    import subprocess

    found = subprocess.run([str(tmp_path / "m")], capture_output=True, check=True).stdout
    assert found.split(b"\0")[:-1] == [c.encode("utf-8", "surrogatepass") for c in classes]


@given(text=st.text())
def test_a_literal_holds_its_text(text: str) -> None:
    found = literal(text)
    assert re.fullmatch(r'"(?:[ !#$&->@-\[\]-~]|\\[0-7]{3})*"|\{(?:\'\\[0-7]{3}\', )*\'\\000\'\}', found)
    if found.startswith('"'):
        raw = re.sub(rb"\\([0-7]{3})", lambda m: bytes([int(m[1], 8)]), found[1:-1].encode())
        assert raw == text.encode("utf-8", "surrogatepass")


@given(text=st.text())
def test_a_comment_cannot_end_or_join_lines(text: str) -> None:
    found = comment(text)
    assert set(found) <= set(string.ascii_letters + string.digits + " .,:_+<>=()%$#@&!~^;'[]{}-")


@given(text=st.text())
def test_identifiers_are_plain(text: str) -> None:
    found = identifier(text, "column_0")
    assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*_?", found)
    assert found not in RESERVED
    assert "__" not in found


def test_names_are_given_once() -> None:
    names = Names({"x"})
    assert [names.take("x"), names.take("x"), names.take("y"), names.take("x_2")] == ["x_2", "x_3", "y", "x_2_2"]


@pytest.mark.parametrize("prefix", ["", "Model", "1a", "a__b", "a_", "_a", "a-b", "int", "a" * 41, 'a"', "é", "a\n"])
def test_prefixes_that_are_refused(prefix: str) -> None:
    with pytest.raises(ConfigError, match="does not make C names"):
        COptions(prefix)
