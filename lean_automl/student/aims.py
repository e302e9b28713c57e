"""The median that a limit on latency leaves room for on this machine, by what a small model shows before a search.

A limit is for a high quantile, and what is cheap to find out of a student is its median. How far one is above the other
depends on the machine: a quiet one adds a tenth, a virtual one that is interrupted 1,500 times a second adds 27 us to
one of a hundred calls of 7 us. A search that aims too high has its best students turned down when they are finished.
"""

from __future__ import annotations

import tempfile
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
    from lean_automl_runtime.ir import Column, Program

    from lean_automl.config import Constraints, FitConfig
    from lean_automl.student.deploy import Deployment

TAIL: Final = MeasureOptions(budget_s=0.25, max_attempts=1, tightness=0.0)
MOST_SHARE: Final = 0.2  # of the time limit, for each file
MOST_ROWS: Final = 1_024
SHARE: Final = 0.5  # of the limit, for the median of the model that is timed
FEWEST_TREES: Final = 10
MOST_TREES: Final = 1_000
LEAST_US: Final = 0.1
LONGEST_LIMIT_US: Final = 200.0  # far above what interruptions take: calls near longer limits all have some


def with_aims(
    deployment: Deployment, columns: tuple[Column, ...], config: FitConfig, rows: int
) -> tuple[Deployment, tuple[str, ...]]:
    """The deployment with medians to aim at, and a line for each file where they could not be found out.

    There are none where the limit is long, is for batches, or is for a header, whose calls are too short to be
    interrupted often.

    Args:
        deployment: Files that ship, with their floors.
        columns: That the model reads.
        config: The limits.
        rows: That measuring will rotate through.
    """
    constraints = config.constraints
    options = replace(TAIL, timeout_s=MOST_SHARE * config.budget.time_limit_s)
    limit_us, tails, lines = constraints.max_latency_us, dict[str, Tail](), list[str]()
    is_short = limit_us is not None and limit_us <= LONGEST_LIMIT_US
    if limit_us is None or not is_short or constraints.batch_size > 1 or HEADER_FILE in deployment.engines:
        return deployment, ()
    for name in deployment.engines:
        try:
            program, records = _model(deployment.only(name), columns, constraints, min(rows, MOST_ROWS))
            with tempfile.TemporaryDirectory(prefix="lean_automl_tail_") as folder:
                path = Path(folder, name)
                path.write_bytes(deployment.contents(program)[name])
                tails[name] = measure_tail(path, records, replace(options, engine=deployment.engines[name]))
        except MeasurementError as error:
            lines.append(f"{name}: how far slow calls are above the median could not be found out: {error}")
    if not tails:
        return deployment, tuple(lines)
    aims_us = {}
    for name, tail in tails.items():
        longest_us = tail.longest_us(SURELY * limit_us, constraints.latency_quantile)
        aims_us[name] = min(LATENCY_AIM * limit_us, max(longest_us, deployment.floors_us.get(name, 0.0)))
    control_us = max(tail.control_us for tail in tails.values())
    timer = partial(deployment.timer, control_us=control_us)
    return replace(deployment, aims_us=aims_us, timer=timer), tuple(lines)


def _model(
    deployment: Deployment, columns: tuple[Column, ...], constraints: Constraints, rows: int
) -> tuple[Program, list[dict[str, Any]]]:
    """A model that takes about as long as one that the limit leaves room for, and records for it."""
    assert constraints.max_latency_us is not None, "the caller saw to that"
    ((name, took_us),) = deployment.footprint(*small_model(columns), constraints).latency_us.items()
    floor_us = deployment.floors_us.get(name, 0.0)
    room = max(0.0, SHARE * constraints.max_latency_us - floor_us) / max(took_us - floor_us, LEAST_US)
    return small_model(columns, int(np.clip(SMALL_TREES * room, FEWEST_TREES, MOST_TREES)), rows)
