"""By how many standard errors one model is behind another on the same rows, for any metric.

The best of many models is also the luckiest. A cheaper one that is less than one standard error behind it may well be
as good: the one-standard-error rule (Breiman et al., Classification and Regression Trees, 1984) takes that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from lean_automl.search.decision import Judged
    from lean_automl.search.metrics import Metric

GROUPS: Final = 20


def errors_behind(metric: Metric, best: Sequence[Judged], other: Sequence[Judged]) -> float:
    """Standard errors by which the second model's score is below the first one's; negative where it is above.

    The error of the difference is found by leaving out one group of rows after another (the jackknife; Tukey 1958), so
    that what both models say of a row is compared, and any metric will do.

    Args:
        metric: Judges both.
        best: Rows of each fold with the predictions of the one model.
        other: The same rows with those of the other one; folds that only one of the two has do not count.

    Returns:
        The number; infinite where the scores differ and nothing is known of the error.
    """
    pairs = list(zip(best, other, strict=False))
    groups = [np.random.default_rng(number).permutation(own.y.size) % GROUPS for number, (own, _) in enumerate(pairs)]

    def difference(left_out: int = GROUPS) -> float:
        """Of the mean scores over the folds, without one group of rows."""
        differences = []
        for (first, second), own in zip(pairs, groups, strict=True):
            rows = own != left_out
            differences.append(_score(metric, first, rows) - _score(metric, second, rows))
        return float(np.mean(differences))

    whole = difference()
    parts = np.array([difference(group) for group in range(GROUPS)])
    error = float(np.sqrt((GROUPS - 1) / GROUPS * np.sum((parts - parts.mean()) ** 2)))
    if whole == 0:
        return 0.0
    return whole / error if error > 0 and np.isfinite(error) else float(np.copysign(np.inf, whole))


def _score(metric: Metric, judged: Judged, rows: NDArray[Any]) -> float:
    return metric(judged.y[rows], judged.predicted[rows], None if judged.weight is None else judged.weight[rows])
