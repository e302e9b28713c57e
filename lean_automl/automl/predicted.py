"""Latencies of finished files beside their limit: measured here, or predicted for a device that is not here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lean_automl.automl.finish import MissError
from lean_automl.automl.measure_files import Measured, measure_files
from lean_automl.automl.result import Check

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lean_automl_runtime.ir import Program

    from lean_automl.automl.measure_files import MeasurePlan
    from lean_automl.student.costs import Costs
    from lean_automl.student.trial import Workbench


def judge_files(
    folder: Path, program: Program, records: Sequence[dict[str, Any]], bench: Workbench, plan: MeasurePlan
) -> Measured:
    """What is measured of the files in a folder, and the checks of limits.

    Raises:
        MissError: A limit is broken.
        MeasurementError: A file that ships could not be measured in time, or not long enough to check a limit.
    """
    if bench.deployment.costs is not None:
        return Measured(checks=predict_files(program, bench.deployment.costs))
    return measure_files(folder, records, bench.deployment, bench.constraints, plan)


def predict_files(program: Program, costs: Costs) -> list[Check]:
    """What the limit is checked against for each file: a prediction with its margin.

    Raises:
        MissError: A limit is broken.
    """
    checks = []
    for name, upper_us in costs.upper_us(program).items():
        model = costs.models[name]
        where = f"{name} with {model.engine} on {costs.machine}"
        limit = None if costs.limit_us is None else costs.limit_us / 1000
        met = costs.limit_us is None or upper_us <= costs.limit_us
        checks.append(Check("p99 latency, predicted with margin", where, upper_us / 1000, limit, "ms", met, True))
    if not all(check.met for check in checks):
        raise MissError(checks)
    return checks
