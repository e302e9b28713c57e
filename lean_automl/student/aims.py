"""The median that a limit on latency leaves room for on this machine, by what a small model shows before a search.

A limit is for a high quantile, and what is cheap to find out of a student is its median. How far one is above the other
depends on the machine: a quiet one adds a tenth, a virtual one that is interrupted 1,500 times a second adds 27 us to
one of a hundred calls of 7 us. A search that aims too high has its best students turned down when they are finished.
"""

from __future__ import annotations

import tempfile
import time
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from lean_automl_runtime.measure import MeasureOptions, Tail, measure_tail

from lean_automl.errors import MeasurementError
from lean_automl.student.deploy import LATENCY_AIM, SURELY
from lean_automl.student.floors import SMALL_TREES, small_model
from lean_automl.student.header import HEADER_FILE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lean_automl_runtime.ir import Column

    from lean_automl.config import Constraints, FitConfig
    from lean_automl.student.deploy import Deployment

TAIL: Final = MeasureOptions(budget_s=0.25, max_attempts=1, tightness=0.0)
MOST_SHARE: Final = 0.2  # of the time limit, for each file
LOOKS: Final = 3  # each at another moment, in a process of its own: the middle one counts
LOOKS_SHARE: Final = 0.02  # of the time limit, after which no further one begins
SHORTEST_IN_QUIET_S: Final = 45.0
LONGEST_QUIET_S: Final = 4.0  # that is waited for: a first run of an installation compiles learners for half a minute
MOST_ROWS: Final = 1_024
SHARE: Final = 0.5  # of the limit, for the median of the model that is timed
FEWEST_TREES: Final = 10
MOST_TREES: Final = 1_000
LEAST_US: Final = 0.1
LONGEST_LIMIT_US: Final = 200.0  # far above what interruptions take: calls near longer limits all have some


def is_short(constraints: Constraints) -> bool:
    """Whether a limit on latency is so short that what interrupts a call matters; not one for batches."""
    limit_us = constraints.max_latency_us
    return limit_us is not None and limit_us <= LONGEST_LIMIT_US and constraints.batch_size == 1


def needs_quiet(config: FitConfig) -> bool:
    """Whether a run should not look at short calls before all is loaded; a short run needs its first model sooner."""
    has_time = config.budget.time_limit_s >= SHORTEST_IN_QUIET_S
    return has_time and config.device is None and is_short(config.constraints)


def needs_aims(deployment: Deployment, constraints: Constraints) -> bool:
    """Whether slow calls matter: not where the limit is long, nor for a header, whose calls are short."""
    return is_short(constraints) and HEADER_FILE not in deployment.engines


def with_aims(
    deployment: Deployment, columns: tuple[Column, ...], config: FitConfig, small_us: Mapping[str, float], rows: int
) -> tuple[Deployment, tuple[str, ...]]:
    """The deployment with medians to aim at, and a line for each file where they could not be found out.

    Args:
        deployment: Files that ship, with their floors.
        columns: That the model reads.
        config: The limits.
        small_us: What a quick look at a small model of as many columns found, by file name.
        rows: That measuring will rotate through.
    """
    constraints, limit_us = config.constraints, config.constraints.max_latency_us
    if limit_us is None or not needs_aims(deployment, constraints):
        return deployment, ()
    options = replace(TAIL, timeout_s=MOST_SHARE * config.budget.time_limit_s)
    tails, aims_us, lines = dict[str, Tail](), dict[str, float](), list[str]()
    for name, engine in deployment.engines.items():
        floor_us = deployment.floors_us.get(name, 0.0)
        room = max(0.0, SHARE * limit_us - floor_us) / max(small_us[name] - floor_us, LEAST_US)
        trees = int(np.clip(SMALL_TREES * room, FEWEST_TREES, MOST_TREES))
        program, records = small_model(columns, trees, min(rows, MOST_ROWS))
        ends = time.monotonic() + LOOKS_SHARE * config.budget.time_limit_s
        try:
            with tempfile.TemporaryDirectory(prefix="lean_automl_tail_") as folder:
                path = Path(folder, name)
                path.write_bytes(deployment.contents(program)[name])
                looks = _looks(path, records, replace(options, engine=engine), ends)
        except MeasurementError as error:
            lines.append(f"{name}: how far slow calls are above the median could not be found out: {error}")
            continue
        longest_us = [tail.longest_us(SURELY * limit_us, constraints.latency_quantile) for tail in looks]
        middle = int(np.argsort(longest_us, kind="stable")[len(looks) // 2])
        tails[name] = looks[middle]
        aims_us[name] = min(LATENCY_AIM * limit_us, max(longest_us[middle], floor_us))
    if not tails:
        return deployment, tuple(lines)
    control_us = max(tail.control_us for tail in tails.values())
    deployment = replace(deployment, aims_us=aims_us, timer=partial(deployment.timer, control_us=control_us))
    return deployment, tuple(lines)


def _looks(path: Path, records: list[dict[str, Any]], options: MeasureOptions, ends: float) -> list[Tail]:
    """One or more, the last of which begins before `ends`; those before one that fails are enough.

    Raises:
        MeasurementError: The first one failed.
    """
    looks = [measure_tail(path, records, options)]
    with suppress(MeasurementError):
        while len(looks) < LOOKS and time.monotonic() < ends:
            looks.append(measure_tail(path, records, options))
    return looks
