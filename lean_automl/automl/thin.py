"""How many rows the search works on where all would be too many: as many as let it try enough students."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from lean_automl.data import Split, holdout
from lean_automl.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lean_automl.data import Dataset

    Index = NDArray[np.intp]

SHARE_OF_A_FIT: Final = 0.1  # of the time limit: then a dozen fits or more fit into it, on two workers
TREES_OF_A_FIT: Final = 400  # about
FOLDS_BY_ROWS: Final = ((2_500, 5), (12_000, 3))
FEWEST_ROWS: Final = 6_000
MOST_CELLS: Final = 1_500_000
LIMIT_FOR_AUDITION_ROWS_S: Final = 120.0  # with which a dozen fits of so many rows have the time
WORTH_THINNING: Final = 1.5  # times as many rows: else the search takes them all
JUDGING_SHARE: Final = 0.25  # of the rows that the search learns from
FEWEST_JUDGING: Final = 5_000
FEWEST_OF_A_CLASS: Final = 10  # to learn from, where there are as many
MOST_JUDGING_SHARE: Final = 0.2  # of all rows


def trial_folds(folds: tuple[Split, ...], rows: int) -> tuple[Split, ...]:
    """Folds that judge students: the last ones, which resemble the future where rows are ordered by time."""
    return folds[-next((count for most, count in FOLDS_BY_ROWS if rows <= most), 1) :]


def audition_rows(columns: int) -> int:
    """Most rows of an audition, so that it takes seconds at most."""
    return max(FEWEST_ROWS, MOST_CELLS // max(1, columns))


def search_rows(limit_s: float, seconds_per_tree: float | None, columns: int) -> int:
    """Most rows that a student of the search learns from.

    Args:
        limit_s: Time limit of the run.
        seconds_per_tree: What a short fit took for each of its trees and rows. None without one: there was no time for
            it, or no way, so that no more rows are searched on than it would have had, and fewer in a short run.
        columns: Number of features.
    """
    if not seconds_per_tree:
        most = audition_rows(columns)
        return max(FEWEST_ROWS, int(most * min(1.0, limit_s / LIMIT_FOR_AUDITION_ROWS_S)))
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


@dataclass(frozen=True, eq=False)
class Part:
    """Some rows of a dataset: those that students learn from, and those that judge them.

    Attributes:
        rows: Positions of both in the dataset, rising.
        split: Positions in `rows`.
    """

    rows: Index
    split: Split


def judging(dataset: Dataset, most: int, seed: int) -> Split:
    """Rows that judge students of the search on a sample of `most` rows, and all others that they may learn from.

    Raises:
        DataError: Too few times or groups for that, or too few rows of a class.
    """
    if dataset.schema.task.is_classification and np.unique(dataset.y, return_counts=True)[1].min() < 2:
        raise DataError("a class has a single row, so that none can judge what was learned of it.")
    wanted = max(FEWEST_JUDGING, JUDGING_SHARE * most)
    return holdout(dataset, min(MOST_JUDGING_SHARE, wanted / dataset.rows), seed)


def part(dataset: Dataset, split: Split, most: int, seed: int) -> Part:
    """What a search or fit gets of a dataset: about so many rows to learn from, and all of those that judge.

    Of every class there are a few more, if need be, so that none of them is unknown.
    """
    train = sample(dataset, most, seed, split.train)
    if dataset.schema.task.is_classification:
        known, y = dataset.y[train], dataset.y[split.train]
        rare = [code for code in np.unique(y) if np.count_nonzero(known == code) < FEWEST_OF_A_CLASS]
        train = np.unique(np.concatenate([train, *(split.train[y == code][-FEWEST_OF_A_CLASS:] for code in rare)]))
    rows = np.sort(np.concatenate([train, split.valid]))
    return Part(rows, Split(np.searchsorted(rows, train), np.searchsorted(rows, split.valid)))


def sample(dataset: Dataset, rows: int, seed: int, among: Index | None = None) -> Index:
    """Positions of `rows` of the dataset's rows, ascending: the latest ones where time orders them, else any.

    Args:
        dataset: The rows.
        rows: How many.
        seed: Of the choice.
        among: Positions, ascending, to choose from; None for all.
    """
    if among is None:
        among = np.arange(dataset.rows)
    if rows >= among.size:
        return among
    if dataset.target.time is not None:
        return among[np.sort(np.argsort(dataset.target.time[among], kind="stable")[-rows:])]
    return among[np.sort(np.random.default_rng(seed).choice(among.size, rows, replace=False))]
