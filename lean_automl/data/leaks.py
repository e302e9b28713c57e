"""Columns that tell the target all by themselves: perhaps the best feature, more often the answer written twice.

Each column alone predicts the target: rows are put into bins (of equal counts for numbers and times, one a value for
categories), each bin learns its label or mean from one half of a sample, and the other half is scored, by balanced
accuracy or R2.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from lean_automl_runtime.ir.columns import ColumnKind

from lean_automl.data.notes import Note, NoteCode
from lean_automl.data.table import Table

MAX_SAMPLE: Final = 5_000
MIN_SAMPLE: Final = 100
MIN_SCORE: Final = 0.99
_MAX_BINS: Final = 100
_ROWS_PER_BIN: Final = 10


def leak_sample(rows: int) -> npt.NDArray[np.intp]:
    """Choose the rows to look at, in random order: the first half of them teaches, the other half is scored."""
    return np.random.default_rng(0).permutation(rows)[:MAX_SAMPLE].astype(np.intp)


def leak_notes(table: Table, y: npt.NDArray[Any], classes: int) -> tuple[Note, ...]:
    """Return a note for each column that alone predicts the target almost perfectly.

    Args:
        table: The features of the rows of `leak_sample`.
        y: Class codes, or numbers if `classes` is 0.
        classes: Number of classes; 0 for regression.
    """
    if table.rows < MIN_SAMPLE:
        return ()
    notes = []
    for column, array in zip(table.columns, table.arrays, strict=True):
        if column.kind is ColumnKind.TEXT:
            continue
        bins = _bins(array, column.kind)
        score = _class_score(bins, y, classes) if classes else _number_score(bins, y)
        if score >= MIN_SCORE:
            measure = "balanced accuracy" if classes else "R2"
            found = f"predicts the target alone ({measure} {score:.3f})"
            done = "kept; drop it if its value is not known when a prediction is made"
            notes.append(Note(NoteCode.LEAKY, column.name, found, done))
    return tuple(notes)


def _bins(array: npt.NDArray[Any], kind: ColumnKind) -> npt.NDArray[np.int64]:
    count = min(_MAX_BINS, len(array) // _ROWS_PER_BIN)
    codes, values = pd.factorize(array, use_na_sentinel=False)
    if kind is ColumnKind.CATEGORICAL or len(values) <= count:
        return codes.astype(np.int64)
    ranks = np.argsort(np.argsort(array, kind="stable"), kind="stable")
    return (ranks * count // len(array)).astype(np.int64)


def _class_score(bins: npt.NDArray[np.int64], y: npt.NDArray[np.int64], classes: int) -> float:
    half = len(y) // 2
    table = np.zeros((int(bins.max()) + 1, classes))
    np.add.at(table, (bins[:half], y[:half]), 1.0)
    guess = table.argmax(axis=1)[bins[half:]]
    right, total = np.zeros(classes), np.bincount(y[half:], minlength=classes)
    np.add.at(right, y[half:], guess == y[half:])
    return float((right[total > 0] / total[total > 0]).mean()) if (total > 0).sum() > 1 else 0.0


def _number_score(bins: npt.NDArray[np.int64], y: npt.NDArray[np.float64]) -> float:
    half, y = len(y) // 2, y / max(np.abs(y).max(), np.finfo(np.float64).tiny)
    size = int(bins.max()) + 1
    count = np.bincount(bins[:half], minlength=size)
    mean = np.where(
        count > 0, np.bincount(bins[:half], weights=y[:half], minlength=size) / np.maximum(count, 1), y[:half].mean()
    )
    rest = y[half:]
    spread = float(((rest - rest.mean()) ** 2).sum())
    return 1.0 - float(((rest - mean[bins[half:]]) ** 2).sum()) / spread if spread > 0 else 0.0
