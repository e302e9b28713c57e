"""Headers of Programs that read whole texts: no table too many, and a struct for what is read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from c_compilers import FIRST, REASON
from c_harness import Compiled
from conformance.compare import assert_same
from lean_automl_exporters.c import COptions, export_c
from lean_automl_runtime.errors import UnsupportedOpError
from lean_automl_runtime.ir import PREDICTION, Column, ColumnKind, Program, ProgramBuilder
from lean_automl_runtime.ir import ops as o
from lean_automl_runtime.reference import evaluate

TEXTS = ("Good, not good!", "", "É 12", "bad\0bad", "\ud800 good", "x" * 64 + " good", "good " * 5000, "a\u0301 A")


def program(tokens: int, encoded: bool) -> Program:
    builder = ProgramBuilder((Column("review", ColumnKind.TEXT, "string"), Column("x", ColumnKind.NUMERIC, "float32")))
    words = ("good", "not good", "bad", *(f"word{n}" for n in range(tokens)))
    weights = np.arange(2 * len(words)).reshape(-1, 2).astype(np.int16)
    scores = builder.add(o.TokenScore((0,), words, weights, np.float32([1, 0.5]), np.float32([0, 1]), 3000))
    values = [scores, *(builder.add(o.TextCount((0,), field)) for field in o.TextField), 1]
    if encoded:
        code = builder.add(o.Encode((0,), ("Good, not good!", "É 12")))
        values.append(builder.add(o.Lookup((code,), np.float32([[0], [1], [2], [3]]))))
    return builder.build({PREDICTION: builder.add(o.Concat(tuple(values)))})


@pytest.mark.skipif(FIRST is None, reason=REASON)
def test_headers_read_texts_as_the_reference_does(tmp_path: Path) -> None:
    assert FIRST is not None
    programs = [program(tokens, encoded) for tokens in (0, 60, 400) for encoded in (False, True)]
    inputs = [np.array(TEXTS, dtype=object), np.arange(len(TEXTS), dtype=np.float32)]
    compiled = Compiled(programs, tmp_path, FIRST, ("-O2",))
    for number, one in enumerate(programs):
        assert_same(evaluate(one, inputs), compiled.run(number, inputs))


def test_a_text_that_no_op_encodes_has_no_dictionary() -> None:
    header = export_c(program(5, encoded=False))["model.h"]
    assert "MODEL_REVIEW_MISSING" not in header
    assert "int32_t code;" not in header
    assert "model_review_code_t review; /* review: what model_review_code reads of a text;" in header
    assert "int32_t code;" in export_c(program(5, encoded=True))["model.h"]


def test_cores_without_floats_are_refused() -> None:
    with pytest.raises(UnsupportedOpError, match="counts and weights of texts"):
        export_c(program(5, encoded=False), COptions(integer_only=True))
