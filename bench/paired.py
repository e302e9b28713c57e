"""What comparisons of learners on equal rows share: rows of a table, the constant predictor, a gain, its interval."""

from pathlib import Path

import numpy as np
from scipy import stats
from sklearn.model_selection import train_test_split

from lean_automl.data import Dataset, Task, load_dataset
from lean_automl.learners.base import Problem
from lean_automl.search.metrics import Metric


def rows_of(path: Path, one: dict, most: int, seed: int) -> tuple[Dataset, Problem]:
    """At most so many rows of a table of index.json, and what is predicted."""
    dataset = load_dataset(path, one["target"], task=Task(one["task"]))
    if dataset.rows > most:
        dataset = dataset.take(np.sort(np.random.default_rng(seed).choice(dataset.rows, most, replace=False)))
    return dataset, Problem(dataset.schema.task, len(dataset.schema.classes) or 1)


def parted(dataset: Dataset, share: float, seed: int, index: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the rest and of a share of the rows, of all or of `index`; stratified where classes allow it."""
    index = np.arange(dataset.rows) if index is None else index
    strata = None
    if dataset.schema.task is not Task.REGRESSION and np.bincount(dataset.y[index]).min() > 3:
        strata = dataset.y[index]
    rest, held = train_test_split(index, test_size=share, random_state=seed, stratify=strata)
    return np.sort(rest), np.sort(held)


def constant_score(metric: Metric, problem: Problem, own: Dataset, new: Dataset) -> float:
    """Of the share of each class, or the mean, of `own`, on `new`."""
    if problem.task.is_classification:
        constant = np.bincount(own.y, minlength=problem.outputs) / own.rows
    else:
        constant = np.array([own.y.mean()])
    return metric(new.y, np.tile(constant, (new.rows, 1)), new.weight)


def interval(gains: list[float]) -> dict[str, float]:
    """Mean, and its 95 % interval by Student's t."""
    mean, half = float(np.mean(gains)), 0.0
    if len(gains) > 1:
        half = float(stats.t.ppf(0.975, len(gains) - 1) * np.std(gains, ddof=1) / np.sqrt(len(gains)))
    return {"mean": round(mean, 5), "low": round(mean - half, 5), "high": round(mean + half, 5)}
