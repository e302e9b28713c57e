"""A tiny model made by hand, for tests that need an artifact and no training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from lean_automl_runtime import Artifact, write_artifact
from lean_automl_runtime.ir import LABEL, PROBABILITIES, Column, ColumnKind, Program, ProgramBuilder
from lean_automl_runtime.ir import ops as o

COLUMNS = (
    Column("age", ColumnKind.NUMERIC, "float32"),
    Column("job", ColumnKind.CATEGORICAL, "string"),
)


def small_program() -> Program:
    """Two oblivious trees over one number and one category, two classes."""
    builder = ProgramBuilder(COLUMNS)
    edges = np.array([25.0, 40.5], dtype=np.float32)
    missing = np.array([0], dtype=np.int32)
    age = builder.add(o.Bin((builder.column("age"),), edges, np.array([0, 2], dtype=np.int32), missing))
    code = builder.add(o.Encode((builder.column("job"),), ("clerk", "né")))
    job = builder.add(o.Lookup((code,), np.array([[0], [0], [1], [2]], dtype=np.uint8)))
    score = builder.add(
        o.ObliviousTrees(
            (builder.add(o.Concat((age, job))),),
            leaves=np.array([-300, 120, 40, 900, -7, 11], dtype=np.int16),
            leaf_offsets=np.array([0, 4, 6], dtype=np.int32),
            targets=np.array([0, 0], dtype=np.int32),
            target_offsets=np.array([0, 1, 2], dtype=np.int32),
            scale=np.array([0.0073], dtype=np.float32),
            bias=np.array([-0.5], dtype=np.float32),
            split_feature=np.array([0, 1, 0], dtype=np.int32),
            split_bin=np.array([0, 0, 1], dtype=np.uint8),
            split_offsets=np.array([0, 2, 3], dtype=np.int32),
        )
    )
    linked = builder.add(o.Link((score,), o.LinkKind.SIGMOID))
    return builder.build({LABEL: builder.add(o.Label((linked,), ("no", "yes"), None)), PROBABILITIES: linked})


def write_small_model(path: Path) -> None:
    """Write it as a `.lam` file."""
    path.write_bytes(write_artifact(Artifact(small_program(), {"note": "made by hand"})))


def small_records(rows: int = 40) -> list[dict[str, Any]]:
    """Records with missing values, an unseen category and a value on each edge."""
    ages = (18, 25, 25.5, 40.5, 41, 90, None)
    jobs = ("clerk", "né", "pilot", "", None)
    return [{"age": ages[i % len(ages)], "job": jobs[i % len(jobs)]} for i in range(rows)]
