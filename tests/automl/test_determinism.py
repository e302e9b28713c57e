"""The same seed, table and number of trials give the same model, on one worker or two."""

from __future__ import annotations

from pathlib import Path

import pytest
from tables import mixed_frame_for

from lean_automl.automl.pipeline import FitRequest, fit
from lean_automl.cli.progress import Silent
from lean_automl.config import Budget, Constraints, FitConfig

PLENTY_S = 1_800.0  # nothing may depend on the time that is left


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "limit"),
    [("binary", 12_000.0), ("multiclass", 200_000.0), ("regression", None)],
    ids=["tight", "roomy", "without a limit"],
)
def test_the_number_of_workers_changes_nothing(task: str, limit: float | None, tmp_path: Path) -> None:
    frame, target = mixed_frame_for(task, 1_500)
    found = []
    for threads in (1, 2):
        config = FitConfig(
            constraints=Constraints(max_size_bytes=limit),
            budget=Budget(time_limit_s=PLENTY_S, max_trials=8, measure=False),
            folds=3,
            threads=threads,
            seed=7,
        )
        result = fit(FitRequest(frame, target, tmp_path / f"model-{threads}"), config, Silent())
        trials = [(trial.number, trial.family, trial.parameters, trial.score) for trial in result.trials]
        found.append((trials, result.student.parameters, result.digest))
    assert found[0] == found[1]
