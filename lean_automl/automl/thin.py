"""How many rows the search works on: as many as let it try enough students, and then all for the last fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lean_automl.data import Dataset

SHARE_OF_A_FIT: Final = 0.1  # of the time limit: then a dozen fits or more fit into it, on two workers
TREES_OF_A_FIT: Final = 400  # about
FEWEST_ROWS: Final = 6_000
MOST_CELLS: Final = 1_500_000


def audition_rows(columns: int) -> int:
    """Most rows of an audition, so that it takes seconds at most."""
    return max(FEWEST_ROWS, MOST_CELLS // max(1, columns))


def search_rows(limit_s: float, seconds_per_tree: float | None, columns: int) -> int:
    """Most rows of the search.

    Args:
        limit_s: Time limit of the run.
        seconds_per_tree: What a short fit took for each of its trees and rows. None without one: there was no time for
            it, or no way, so that no more rows are searched on than it would have had.
        columns: Number of features.
    """
    if not seconds_per_tree:
        return audition_rows(columns)
    return max(FEWEST_ROWS, int(limit_s * SHARE_OF_A_FIT / (TREES_OF_A_FIT * seconds_per_tree)))


def trees_in_time(limit_s: float, seconds_per_tree: float | None, rows: int) -> float:
    """Trees that one of a dozen fits or more can have.

    Args:
        limit_s: Time limit of the run.
        seconds_per_tree: What a short fit took for each of its trees and rows; None without one.
        rows: That a trial fits, on all of its folds.
    """
    if not seconds_per_tree:
        return float("inf")
    return limit_s * SHARE_OF_A_FIT / (seconds_per_tree * rows)


def sample(dataset: Dataset, rows: int, seed: int) -> NDArray[np.intp]:
    """Positions of `rows` of the dataset's rows, ascending: the latest ones where time orders them, else any."""
    if rows >= dataset.rows:
        return np.arange(dataset.rows)
    if dataset.target.time is not None:
        return np.sort(np.argsort(dataset.target.time, kind="stable")[-rows:])
    return np.sort(np.random.default_rng(seed).choice(dataset.rows, rows, replace=False))
