"""Which rows train and which rows judge.

The hold-out is chosen once and no search sees it; folds are made of the other rows. Both follow the same rule:

| dataset has      | hold-out                                | folds                                              |
|------------------|-----------------------------------------|----------------------------------------------------|
| a time column    | the last part, cut between two times    | forward chaining: each validation part follows all |
|                  |                                         | of its training part; the first rows only train    |
| a group column   | whole groups, stratified where possible | whole groups, stratified where possible            |
| both             | by time, and training rows of a group that is also in the validation part are left out       |
| neither          | stratified by class, or by ten equal    | the same                                           |
|                  | parts of a numeric target               |                                                    |

Each class is in every training part, except where times or groups do not allow it; there, fewer folds are tried.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, StratifiedShuffleSplit

from lean_automl.data.dataset import Dataset
from lean_automl.errors import ConfigError, DataError

Index = npt.NDArray[np.intp]
LARGE_ROWS: Final = 50_000
MAX_HOLDOUT_ROWS: Final = 100_000
MAX_STRATIFIED_GROUPS: Final = 5_000
_STRATA: Final = 10


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Two disjoint sets of rows of a dataset.

    Attributes:
        train: Positions of the rows to learn from, rising.
        valid: Positions of the rows to judge by, rising.
    """

    train: Index
    valid: Index


def default_holdout_fraction(rows: int) -> float:
    """Return 0.2 up to 50,000 rows; above, 0.1 but at least 10,000 and at most 100,000 rows."""
    if rows <= LARGE_ROWS:
        return 0.2
    return min(max(0.1, 10_000 / rows), MAX_HOLDOUT_ROWS / rows)


def holdout(dataset: Dataset, fraction: float | None = None, seed: int = 0) -> Split:
    """Set rows apart for the final judgement.

    Args:
        dataset: The rows.
        fraction: Share of them to hold out; None for `default_holdout_fraction`.
        seed: Seed of the choice.

    Raises:
        ConfigError: The fraction is not between 0 and 0.5.
        DataError: Too few times or groups to hold any out.
    """
    if fraction is None:
        fraction = default_holdout_fraction(dataset.rows)
    if not 0 < fraction <= 0.5:
        raise ConfigError(f"holdout fraction: {fraction} is not above 0 and at most 0.5.")
    rows = np.arange(dataset.rows, dtype=np.intp)
    if dataset.target.time is not None:
        split = _by_time(dataset, rows, time_starts(dataset.target.time, (1 - fraction,))[0], np.inf)
        if _classes_in(dataset, split.train) < _wanted_classes(dataset, rows)[-1]:
            raise DataError("too few rows or classes come before the hold-out in time. Give more rows.")
        return split
    if dataset.target.group is not None:
        if len(np.unique(dataset.target.group)) < 3:
            raise DataError("the group column has fewer than 3 groups: one to hold out, two for folds.")
        parts = max(2, round(1 / fraction))
        splits = _grouped(dataset, rows, parts, seed)
        return min(splits, key=lambda split: abs(len(split.valid) - fraction * dataset.rows))
    strata = _strata(dataset, rows)
    size = max(round(fraction * dataset.rows), int(strata.max()) + 1)
    splitter = StratifiedShuffleSplit(n_splits=1, test_size=size, random_state=seed)
    train, valid = next(splitter.split(rows, strata))
    return _split(train, valid)


def folds(dataset: Dataset, k: int = 5, seed: int = 0, rows: Index | None = None) -> tuple[Split, ...]:
    """Make the folds of cross-validation; fewer than `k` where the rows do not allow so many.

    Args:
        dataset: The rows.
        k: Wanted number of folds, 2 or more.
        seed: Seed of the choice.
        rows: Positions of the rows to use, such as `holdout(...).train`; None for all.

    Returns:
        Splits whose positions are positions in `dataset`.

    Raises:
        ConfigError: `k` is below 2.
        DataError: Not even two folds can be made.
    """
    if k < 2:
        raise ConfigError(f"folds: {k} is below 2.")
    rows = np.arange(dataset.rows, dtype=np.intp) if rows is None else np.sort(rows)
    if dataset.target.time is not None:
        return _chained(dataset, rows, k)
    if dataset.target.group is not None:
        return _grouped(dataset, rows, k, seed)
    strata = _strata(dataset, rows)
    counts = np.sort(np.bincount(strata))[::-1]
    # Each validation part then has two classes at least, so that every metric is defined there.
    k = min(k, int(counts[1]) if len(counts) > 1 else len(rows) // 2)
    if k < 2:
        raise DataError(f"{len(rows)} rows are too few for two folds. Give more rows.")
    return _sklearn_splits(StratifiedKFold(k, shuffle=True, random_state=seed), rows, strata)


def time_starts(times: npt.NDArray[Any], shares: tuple[float, ...]) -> list[Any]:
    """Return, for each share, the first time of the later part when that share of the rows comes before it.

    Rows of equal time are never parted, and the first of all times never starts a later part.

    Raises:
        DataError: All times are equal.
    """
    ordered = np.sort(times)
    later = ordered[ordered > ordered[0]]
    if not later.size:
        raise DataError("the time column has a single value, so no rows come after others. Choose another column.")
    starts = [ordered[min(round(share * len(ordered)), len(ordered) - 1)] for share in shares]
    return sorted({max(start, later[0]) for start in starts})


def _split(train: Index, valid: Index) -> Split:
    return Split(np.sort(train).astype(np.intp), np.sort(valid).astype(np.intp))


def _strata(dataset: Dataset, rows: Index) -> npt.NDArray[np.int64]:
    y = dataset.y[rows]
    if dataset.schema.task.is_classification:
        return np.unique(y, return_inverse=True)[1].astype(np.int64)
    strata = min(_STRATA, max(1, len(y) // 5))
    ranks = np.argsort(np.argsort(y, kind="stable"), kind="stable")
    return (ranks * strata // len(y)).astype(np.int64)


def _by_time(dataset: Dataset, rows: Index, start: Any, end: Any) -> Split:
    assert dataset.target.time is not None
    times = dataset.target.time[rows]
    train, valid = rows[times < start], rows[(times >= start) & (times < end)]
    groups = dataset.target.group
    if groups is not None:
        train = train[~np.isin(groups[train], groups[valid])]
    return _split(train, valid)


def _chained(dataset: Dataset, rows: Index, k: int) -> tuple[Split, ...]:
    assert dataset.target.time is not None
    times = dataset.target.time[rows]
    starts = time_starts(times, tuple(part / (k + 1) for part in range(1, k + 1)))
    ends = [*starts[1:], np.inf]
    splits = [_by_time(dataset, rows, start, end) for start, end in zip(starts, ends, strict=True)]
    for wanted in _wanted_classes(dataset, rows):
        usable = tuple(split for split in splits if _classes_in(dataset, split.train) >= wanted)
        if usable:
            return usable
    raise DataError("no part of the rows, ordered by time, can be trained on. Give more rows, or no time column.")


def _grouped(dataset: Dataset, rows: Index, k: int, seed: int) -> tuple[Split, ...]:
    assert dataset.target.group is not None
    groups = np.unique(dataset.target.group[rows], return_inverse=True)[1]
    count = int(groups.max()) + 1
    if count < 2:
        raise DataError("the group column has a single group, so it cannot be split. Choose another column.")
    strata = _strata(dataset, rows)
    most = min(k, count, int(np.bincount(strata).max()))
    for wanted in _wanted_classes(dataset, rows):
        for parts in range(most, 1, -1):
            splits = _group_parts(rows, strata, groups, parts, seed)
            if all(len(s.valid) and _classes_in(dataset, s.train) >= wanted for s in splits):
                return splits
    raise DataError("the groups coincide with the classes: without one group, a class is gone. Give more groups.")


def _group_parts(
    rows: Index, strata: npt.NDArray[np.int64], groups: npt.NDArray[np.intp], parts: int, seed: int
) -> tuple[Split, ...]:
    count = int(groups.max()) + 1
    if count <= MAX_STRATIFIED_GROUPS:
        splitter = StratifiedGroupKFold(parts, shuffle=True, random_state=seed)
        return _sklearn_splits(splitter, rows, strata, groups)
    # So many groups are balanced by chance, and the splitter's loop over groups would take minutes.
    part = (np.random.default_rng(seed).permutation(count) % parts)[groups]
    return tuple(_split(rows[part != number], rows[part == number]) for number in range(parts))


def _sklearn_splits(
    splitter: Any,
    rows: Index,
    strata: npt.NDArray[np.int64],
    groups: npt.NDArray[np.intp] | None = None,
) -> tuple[Split, ...]:
    with warnings.catch_warnings():
        # A class with fewer rows than folds is spread over as many folds as it has rows, which is what we want.
        warnings.filterwarnings("ignore", message="The least populated class", category=UserWarning)
        pairs = list(splitter.split(rows, strata, groups))
    return tuple(_split(rows[train], rows[valid]) for train, valid in pairs)


def _wanted_classes(dataset: Dataset, rows: Index) -> tuple[int, ...]:
    """How many classes a training part must have: all that there are, or else two; one row for regression."""
    return (_classes_in(dataset, rows), 2) if dataset.schema.task.is_classification else (1,)


def _classes_in(dataset: Dataset, rows: Index) -> int:
    if not dataset.schema.task.is_classification:
        return min(len(rows), 1)
    return len(np.unique(dataset.y[rows]))
