"""How much of the texts a model may read under its limits, and what folds' texts become before learners see them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import numpy as np
from lean_automl_exporters.onnx import export_onnx
from lean_automl_runtime.engines import make_engine
from lean_automl_runtime.engines.onnx import OnnxEngine
from lean_automl_runtime.ir import PREDICTION, ColumnKind, ProgramBuilder
from lean_automl_runtime.ir import ops as o

from lean_automl.data.notes import count_of
from lean_automl.features.fit import fit_category, reads_words
from lean_automl.features.texts import LIMIT
from lean_automl.learners.base import training
from lean_automl.learners.texts import MOST_TARGETS, Prepared, fit_texts
from lean_automl.search.workers import load_shared
from lean_automl.student.header import ENGINE as HEADER_ENGINE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lean_automl_runtime.engines import Engine
    from lean_automl_runtime.ir import Column, Program

    from lean_automl.config import Constraints
    from lean_automl.data import Split, Table
    from lean_automl.learners.base import FitOptions, Problem, Rows
    from lean_automl.search.workers import Shared, Workers
    from lean_automl.student.deploy import Deployment

USUAL_TOKENS: Final = 4_096
BYTES_OF_A_TOKEN: Final = 12  # in a file: a text, its quotes, a weight
BYTES_OF_A_LIMIT: Final = 5  # the tokens of all texts may take one part in so many
TIME_OF_A_LIMIT: Final = 2  # so may reading them
ROWS: Final = 200
REPEATS: Final = 5  # at least, of large batches


def most_tokens(
    limits: Constraints, deployment: Deployment, table: Table, problem: Problem
) -> tuple[int, tuple[str, ...]]:
    """Tokens that the score of a text may keep, 0 to leave texts unread, and a line that says why they are.

    Args:
        limits: Of the files.
        deployment: Files that ship.
        table: Rows to measure with, of the features.
        problem: What is predicted; many classes have several scores of a text.
    """
    scores = min(problem.scores, MOST_TARGETS)
    texts = [column for column in table.columns if column.kind is ColumnKind.TEXT or _has_words(column, table)]
    if not texts:
        return _in_bytes(limits, scores), ()
    limit_us = np.inf if limits.max_latency_us is None else limits.max_latency_us / limits.batch_size
    took_us = 0.0 if np.isinf(limit_us) else _reading_us(texts, table, deployment, limits.batch_size)
    if took_us > limit_us / TIME_OF_A_LIMIT:
        what = count_of(len(texts), "column") + " of text"
        return 0, (
            f"{what} stays unread: reading takes about {took_us:,.1f} us a row, over half of the limit of "
            f"{limit_us:,g} us",
        )
    return _in_bytes(limits, scores * len(texts)), ()


def _has_words(column: Column, table: Table) -> bool:
    """Whether the words of a category would be read."""
    return column.kind is ColumnKind.CATEGORICAL and reads_words(fit_category(column.name, table.array(column.name)))


def _in_bytes(limits: Constraints, scores: int) -> int:
    if limits.max_size_bytes is None:
        return USUAL_TOKENS
    return int(min(USUAL_TOKENS, limits.max_size_bytes / BYTES_OF_A_LIMIT / BYTES_OF_A_TOKEN / scores))


def _reading_us(columns: Sequence[Column], table: Table, deployment: Deployment, batch_size: int) -> float:
    """Median time of counting and scoring the texts of a row, in the file for which that takes longest."""
    builder = ProgramBuilder(tuple(columns))
    weights, one, none = np.ones((1, 1), np.int16), np.ones(1, np.float32), np.zeros(1, np.float32)
    values = [builder.add(o.TokenScore((j,), ("a",), weights, one, none, LIMIT)) for j in range(len(columns))]
    values += [builder.add(o.TextCount((j,), field)) for j in range(len(columns)) for field in o.TextField]
    program = builder.build({PREDICTION: builder.add(o.Concat(tuple(values)))})
    if deployment.costs is not None:  # of a machine that is not here
        return max(deployment.costs.predict_us(program).values())
    few = table.select([column.name for column in columns]).take(np.arange(min(ROWS, table.rows)))
    return max(_median_us(_engine(program, name), few, batch_size) for name in deployment.engines.values())


def _engine(program: Program, name: str) -> Engine:
    if name == "onnx":
        return OnnxEngine(export_onnx(program))
    return make_engine(program, "auto" if name == HEADER_ENGINE else name)  # a compiled header is about as quick


def _median_us(engine: Engine, table: Table, batch_size: int) -> float:
    """Of a row, alone or as a part of a batch."""
    size = min(batch_size, table.rows)
    parts = [[array[i : i + size] for array in table.arrays] for i in range(0, table.rows - size + 1, size)]
    engine.run(parts[0])  # a first call sets things up
    took = []
    for turn in range(max(len(parts), REPEATS)):
        begin = time.perf_counter()
        engine.run(parts[turn % len(parts)])
        took.append(time.perf_counter() - begin)
    return 1e6 * float(np.median(took)) / size


def prepare_fold(shared: Shared, fold: int, seed: int) -> Prepared:
    """What `fit_texts` makes of a fold's training rows; runs in a process of its own."""
    rows, folds, problem = load_shared(shared)
    return fit_texts(training(rows.take(folds[fold].train), problem), problem, seed)


def prepare_folds(
    rows: Rows, folds: Sequence[Split], problem: Problem, options: FitOptions, workers: Workers
) -> tuple[Prepared | None, ...]:
    """The same for each fold, once for all that is fitted there; None where there is no text, or it failed."""
    if not rows.frame.texts or not folds:
        return (None,) * len(folds)
    shared = workers.share((rows, tuple(folds), problem))
    calls = {fold: (shared, fold, options.seed) for fold in range(len(folds))}
    found = workers.results(prepare_fold, calls, options.deadline)
    return tuple(found[fold] for fold in range(len(folds)))
