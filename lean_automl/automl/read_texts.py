"""How much of the texts a model may read under its limits, and what folds' texts become before learners see them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from lean_automl_exporters.onnx import export_onnx
from lean_automl_runtime.engines import make_engine
from lean_automl_runtime.engines.onnx import OnnxEngine
from lean_automl_runtime.ir import PREDICTION, ColumnKind, ProgramBuilder
from lean_automl_runtime.ir import ops as o

from lean_automl.compiler.unread import read_by
from lean_automl.data.notes import count_of
from lean_automl.features.fit import fit_category, reads_words
from lean_automl.features.texts import LIMIT
from lean_automl.learners.base import training
from lean_automl.learners.texts import MOST_TARGETS, Prepared, fit_texts
from lean_automl.search.workers import load_shared
from lean_automl.student.floors import least_program

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lean_automl_runtime.ir import Column

    from lean_automl.config import Constraints, FitConfig
    from lean_automl.data import Split, Table
    from lean_automl.learners.base import FitOptions, Problem, Rows
    from lean_automl.search.workers import Shared, Workers

USUAL_TOKENS: Final = 4_096
BYTES_OF_A_TOKEN: Final = 12  # in a file: a text, its quotes, a weight
BYTES_OF_A_LIMIT: Final = 5  # the tokens of all texts may take one part in so many
TIME_OF_A_LIMIT: Final = 2  # so may reading them
ROWS: Final = 200


def most_tokens(
    config: FitConfig, columns: Sequence[Column], table: Table, problem: Problem
) -> tuple[int, tuple[str, ...]]:
    """Tokens that the score of a text may keep, 0 to leave texts unread, and a line that says why they are.

    Args:
        config: With the limits.
        columns: Features.
        table: Rows to measure with.
        problem: What is predicted; many classes have several scores of a text.
    """
    limits, scores = config.constraints, min(problem.scores, MOST_TARGETS)
    texts = [column for column in columns if column.kind is ColumnKind.TEXT or _has_words(column, table)]
    if not texts:
        return _in_bytes(limits, scores), ()
    limit_us = np.inf if limits.max_latency_us is None else limits.max_latency_us / limits.batch_size
    took_us = 0.0 if np.isinf(limit_us) else _reading_us(texts, table, config.target, limit_us)
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


def _reading_us(columns: Sequence[Column], table: Table, target: str, limit_us: float) -> float:
    """Median time of counting and scoring the texts of a row, with the slowest engine that has to keep the limit."""
    builder = ProgramBuilder(tuple(columns))
    weights, one, none = np.ones((1, 1), np.int16), np.ones(1, np.float32), np.zeros(1, np.float32)
    values = [builder.add(o.TokenScore((j,), ("a",), weights, one, none, LIMIT)) for j in range(len(columns))]
    values += [builder.add(o.TextCount((j,), field)) for j in range(len(columns)) for field in o.TextField]
    program = builder.build({PREDICTION: builder.add(o.Concat(tuple(values)))})
    few = table.select([column.name for column in columns]).take(np.arange(min(ROWS, table.rows)))
    if target == "onnx":
        return _median_us(OnnxEngine(export_onnx(program)), few)
    took_us = _median_us(make_engine(program, "auto" if target == "c" else target), few)
    least = least_program(tuple(columns))
    if target == "auto" and _median_us(OnnxEngine(export_onnx(least)), read_by(least, few)) <= limit_us:
        return max(took_us, _median_us(OnnxEngine(export_onnx(program)), few))
    return took_us


def _median_us(engine: Any, table: Table) -> float:
    took = []
    for row in range(table.rows):
        own = [array[row : row + 1] for array in table.arrays]
        begin = time.perf_counter()
        engine.run(own)
        took.append(time.perf_counter() - begin)
    return 1e6 * float(np.median(took))


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
