"""Small Programs and files that the tests of the runtime share."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from lean_automl_runtime import Artifact, write_artifact
from lean_automl_runtime.ir import LABEL, PREDICTION, PROBABILITIES, Column, ColumnKind, Program, ProgramBuilder
from lean_automl_runtime.ir import ops as o

TESTS = str(Path(__file__).resolve().parents[1])
if TESTS not in sys.path:
    sys.path.insert(0, TESTS)

COLUMNS = (
    Column("age", ColumnKind.NUMERIC, "float32"),
    Column("member", ColumnKind.BOOLEAN, "float32"),
    Column("job", ColumnKind.CATEGORICAL, "string"),
    Column("since", ColumnKind.DATETIME, "int64"),
    Column("id", ColumnKind.NUMERIC, "float64"),
)


def _score(builder: ProgramBuilder) -> int:
    """Two trees over bins of all columns."""
    job = builder.add(o.Encode((builder.column("job"),), ("clerk", "größer", "日本")))
    job_bin = builder.add(o.Lookup((job,), np.array([[0], [1], [1], [2], [0]], dtype=np.uint8)))
    year = builder.add(o.DatePart((builder.column("since"),), o.DateField.YEAR))
    near = builder.add(o.Rescale((builder.column("id"),), 1.0e9, 0.5))
    numbers = builder.add(o.Concat((builder.column("age"), builder.column("member"), year, near)))
    edges = np.array([20.0, 40.0, 0.5, 1999.5, -1.0, 1.0], dtype=np.float32)
    offsets = np.array([0, 2, 3, 4, 6], dtype=np.int32)
    binned = builder.add(o.Bin((numbers,), edges, offsets, np.array([0, 2, 0, 1], dtype=np.int32)))
    bins = builder.add(o.Concat((binned, job_bin)))
    return builder.add(
        o.ObliviousTrees(
            (bins,),
            leaves=np.array([-9, 3, 5, -2, 7, 1, -4, 100], dtype=np.int8),
            leaf_offsets=np.array([0, 4, 8], dtype=np.int32),
            targets=np.array([0, 0], dtype=np.int32),
            target_offsets=np.array([0, 1, 2], dtype=np.int32),
            scale=np.array([0.125], dtype=np.float32),
            bias=np.array([-0.25], dtype=np.float32),
            split_feature=np.array([0, 4, 2, 3], dtype=np.int32),
            split_bin=np.array([1, 0, 0, 1], dtype=np.uint8),
            split_offsets=np.array([0, 2, 4], dtype=np.int32),
        )
    )


@pytest.fixture(scope="session")
def classifier() -> Program:
    """Two classes; reads a column of every kind."""
    builder = ProgramBuilder(COLUMNS)
    linked = builder.add(o.Link((_score(builder),), o.LinkKind.SIGMOID))
    return builder.build({LABEL: builder.add(o.Label((linked,), ("no", "yes"), None)), PROBABILITIES: linked})


@pytest.fixture(scope="session")
def regressor() -> Program:
    """The score itself."""
    builder = ProgramBuilder(COLUMNS)
    return builder.build({PREDICTION: _score(builder)})


@pytest.fixture(scope="session")
def record() -> dict[str, object]:
    """A row that the Programs read."""
    return {"age": 41, "member": True, "job": "clerk", "since": "2001-02-03", "id": 1_000_000_004}


@pytest.fixture
def lam(tmp_path: Path, classifier: Program) -> Path:
    """The classifier as a file."""
    path = tmp_path / "model.lam"
    path.write_bytes(write_artifact(Artifact(classifier, {"note": "né"})))
    return path
