"""How much longer one model takes than another: the ratio of their times, taken in turns in the same processes.

A machine that is slow for a while is slow for both, so the ratio of neighbouring blocks of calls says what two
measurements, one after the other, cannot. Where a process puts things in memory favours one model or the other, by a
per cent or so and as long as the process lives: each launch therefore counts as one observation, the order of loading
changes from launch to launch, and the interval is that of the launches' order statistics (`order_statistics.py`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

from lean_automl_runtime.errors import ArtifactError, DataError
from lean_automl_runtime.measure.options import MeasureOptions
from lean_automl_runtime.measure.order_statistics import bound_ranks
from lean_automl_runtime.measure.processes import Child, choose_core, run_child, staged

COMPARISON: Final = MeasureOptions(budget_s=0.4, launches=9)


@dataclass(frozen=True, slots=True)
class Ratio:
    """Time of one model / time of another.

    Attributes:
        value: Median of the launches.
        lower: Lower end of the 95 % confidence interval; 0 if there are too few launches for one.
        upper: Upper end; infinite likewise.
        launches: Median ratio of each fresh process.
        us: Median time of a call of each of the two, in microseconds.
    """

    value: float
    lower: float
    upper: float
    launches: tuple[float, ...]
    us: tuple[float, float]

    @classmethod
    def of(cls, launches: list[float], us: tuple[float, float]) -> Ratio:
        """What the medians of launches say.

        Raises:
            DataError: There are none.
        """
        if not launches:
            raise DataError("no launches to compare: nothing can be said")
        ordered = sorted(launches)
        lower, upper = bound_ranks(len(ordered), 0.5)
        return cls(
            median(ordered),
            ordered[lower - 1] if lower else 0.0,
            ordered[upper - 1] if upper else math.inf,
            tuple(launches),
            us,
        )

    def exceeds(self, limit: float) -> bool:
        """Whether the ratio is above a limit for sure: the whole interval is."""
        return self.lower > limit

    def to_json(self) -> dict[str, Any]:
        """JSON values; an infinite bound is null."""
        return {**asdict(self), "upper": self.upper if math.isfinite(self.upper) else None}


def compare(
    new: str | Path, old: str | Path, records: Iterable[Mapping[str, Any]], options: MeasureOptions = COMPARISON
) -> Ratio:
    """Time of `new` / time of `old`, one row a call.

    Args:
        new: An artifact or exported file.
        old: Another one with the same columns.
        records: Real rows, as a caller would pass them; at least 1,000 that differ.
        options: Engine, sampling time of a launch, launches, threads and core are used.

    Raises:
        ArtifactError: A file cannot be used.
        DataError: There are no records, or they hold what a record cannot.
        MeasurementError: The measuring process crashed or took too long.
    """
    paths = [Path(path).absolute() for path in (new, old)]
    for path in paths:
        if not path.is_file():
            raise ArtifactError(f"{path.name}: no such file")
    with staged(records, options) as (folder, _):
        found = [_launch(folder, paths, options, number) for number in range(options.launches)]
    us = (median(facts["us"][0] for facts in found), median(facts["us"][1] for facts in found))
    return Ratio.of([facts["ratio"] for facts in found], us)


def _launch(folder: Path, paths: list[Path], options: MeasureOptions, number: int) -> dict[str, Any]:
    """Facts of one child; every other one loads the old model first."""
    arguments = [*map(str, paths), options.engine, str(choose_core(options.pin, options.core)), str(number % 2)]
    return run_child(folder, Child("compare_child", arguments, options.threads, options.timeout_s, paths[0].name))
