"""Several students as one Program: what fits the limits is compiled whole, and their average ships.

Greedy selection with replacement (Caruana et al. 2004) on the validation rows of all folds, as for the teacher, but
only while the sum of the members stays within the size limit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from lean_automl.student.trial import Candidate, Workbench

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lean_automl.student.deploy import Footprint

POOL: Final = 10
STARTS: Final = 4
MOST_STEPS: Final = 10
SHARED_BYTES: Final = 3_000  # of each file: columns, categories and names, which members share


@dataclass(frozen=True, eq=False)
class Blend:
    """One student, or a weighted average of several.

    Attributes:
        members: With their weights, which sum to 1.
        score: Mean over the folds.
        footprint: Of the Program of the first fold.
        violations: Relative excess over each limit.
    """

    members: tuple[tuple[Candidate, float], ...]
    score: float
    footprint: Footprint
    violations: dict[str, float]

    @property
    def name(self) -> str:
        """Family, or families, for tables."""
        families = list(dict.fromkeys(candidate.family for candidate, _ in self.members))
        return families[0] if len(self.members) == 1 else f"blend of {' + '.join(families)}"

    @property
    def rounds(self) -> int:
        """Of all members together."""
        return sum(candidate.rounds for candidate, _ in self.members)

    @property
    def fit_seconds(self) -> float:
        """What fitting every member once takes, about."""
        return sum(candidate.seconds / len(candidate.fitted) for candidate, _ in self.members)


def single(candidate: Candidate) -> Blend:
    """A blend of one."""
    return Blend(((candidate, 1.0),), candidate.score, candidate.footprint, candidate.violations)


def choose_blend(bench: Workbench, feasible: Sequence[Candidate], seconds: float) -> Blend | None:
    """The best blend of feasible students; None if none is better than the best student alone.

    Args:
        bench: The rows and limits.
        feasible: Students within the limits, best first.
        seconds: Time for the last fits of all members.
    """
    pool = [candidate for candidate in feasible if len(candidate.predictions) == len(bench.folds)][:POOL]
    if len(pool) < 2:
        return None
    counts = _select(bench, pool, seconds)
    members = tuple((pool[i], count / sum(counts)) for i, count in enumerate(counts) if count)
    if len(members) < 2:
        return None
    score = _score(bench, [candidate for candidate, _ in members], [weight for _, weight in members])
    program = bench.compile([(candidate.fitted[0], weight) for candidate, weight in members])
    cost = bench.deployment.footprint(program, bench.records, bench.constraints)
    return Blend(members, score, cost, cost.violations(bench.constraints))


def _select(bench: Workbench, pool: Sequence[Candidate], seconds: float) -> list[int]:
    """How often each of the pool was chosen: the best of a greedy selection from each of the first few.

    The best student alone may take all the room; two smaller ones together may be better.
    """
    found = [_grow(bench, pool, start, seconds) for start in range(min(STARTS, len(pool)))]
    return max(found, key=lambda item: item[0])[1]


def _grow(bench: Workbench, pool: Sequence[Candidate], start: int, seconds: float) -> tuple[float, list[int]]:
    """Greedy selection that begins with one student; the score, and how often each was chosen."""
    counts = [int(i == start) for i in range(len(pool))]
    best = _score(bench, pool, counts)
    for _ in range(MOST_STEPS - 1):
        trials = []
        for i in range(len(pool)):
            more = [count + (j == i) for j, count in enumerate(counts)]
            trials.append(_score(bench, pool, more) if _fits(bench, pool, more, seconds) else -np.inf)
        winner = int(np.argmax(trials))
        if trials[winner] <= best:
            break
        best = trials[winner]
        counts[winner] += 1
    return best, counts


def _fits(bench: Workbench, pool: Sequence[Candidate], counts: Sequence[int], seconds: float) -> bool:
    chosen = [candidate for candidate, count in zip(pool, counts, strict=True) if count]
    if len(chosen) == 1:
        return True
    if sum(candidate.seconds / len(candidate.fitted) for candidate in chosen) > seconds:
        return False
    limit = bench.constraints.max_size_bytes
    size = sum(candidate.footprint.bytes - SHARED_BYTES for candidate in chosen) + SHARED_BYTES
    return limit is None or size <= limit


def _score(bench: Workbench, pool: Sequence[Candidate], weights: Sequence[float]) -> float:
    """Mean over the folds of the score of the weighted average."""
    total = float(sum(weights))
    scores = []
    for number, fold in enumerate(bench.folds):
        mean = sum(w / total * c.predictions[number] for c, w in zip(pool, weights, strict=True) if w)
        weight = None if bench.rows.weight is None else bench.rows.weight[fold.valid]
        scores.append(bench.metric(bench.rows.y[fold.valid], np.asarray(mean), weight))
    return float(np.mean(scores))
