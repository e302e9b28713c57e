"""Which rows the last fit of a large table takes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from lean_automl.automl.thin import sample

if TYPE_CHECKING:
    from lean_automl.automl.run import Run
    from lean_automl.learners.base import Rows
    from lean_automl.student.blend import Blend

LAST_FIT_SHARE: Final = 0.7  # of the seconds: times vary


def last_rows(run: Run, blend: Blend, seconds: float) -> Rows:
    """All rows of a run, or as many as a last fit of `blend` gets through in `seconds`."""
    if run.whole.rows == run.dataset.rows:
        return run.rows
    per_row = blend.fit_seconds / float(np.mean([fold.train.size for fold in run.bench.folds]))
    affordable = int(LAST_FIT_SHARE * seconds / per_row)
    if affordable <= run.dataset.rows:
        return run.rows
    soft = None
    if run.rows.soft is not None:
        soft = np.full((run.whole.rows, run.problem.outputs), np.nan)
        soft[run.sampled] = run.rows.soft
    return replace(run.all_rows, soft=soft).take(sample(run.whole, affordable, run.config.seed))
