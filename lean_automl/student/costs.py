"""What students will cost, told before they are trained: a cost model for each file that ships.

Made for the machine at hand in about a second, from a few reference Programs, or read from the profile of a device
that is not here. What it says is used with its margin, on the side of trying: a student that might fit is trained and
measured.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from lean_automl_runtime.measure import CostModel, CostSample, MeasureOptions, contents_of, features, fit_cost_model
from lean_automl_runtime.measure import measure_in_process as measure_quickly
from lean_automl_runtime.measure.reference_programs import make_program, make_records
from lean_automl_runtime.measure.reference_shapes import Shape
from lean_automl_runtime.measure.rows import parsed

from lean_automl.student.deploy import LATENCY_AIM
from lean_automl.student.header import HEADER_FILE

if TYPE_CHECKING:
    from lean_automl_runtime.ir import Program
    from lean_automl_runtime.measure import Contents, DeviceProfile

    from lean_automl.config import Constraints
    from lean_automl.student.deploy import Deployment

# In this order, so that the first few say the most: a call, and one more tree of each kind.
QUICK_SHAPES: Final = (
    Shape("oblivious", 1, 2, numeric=2),
    Shape("oblivious", 300, 6),
    Shape("ragged", 300, 5),
    Shape("ragged", 30, 5),
    Shape("dense", 128, numeric=24),
    Shape("dense", 16, numeric=24),
    Shape("oblivious", 600, 3, numeric=16),
    Shape("linear_leaves", 200, 4),
    Shape("oblivious", 100, 5, classes=5),
    Shape("oblivious", 20, 4, numeric=4, categorical=8),
    Shape("oblivious", 20, 4, numeric=40),
    Shape("tables", 40, numeric=20),
)
ROWS: Final = 250
COPIES: Final = 8  # so that records are out of the nearest caches when their turn comes, as those of a table are
LONGEST_S: Final = 3.0
MOST_SHARE: Final = 0.03  # of a run's time limit
FEWEST: Final = 4
MOST_SLACK: Final = 0.25  # of a limit, for students that are trained to find out
LEAST_LEFT: Final = 0.2
LOOSE: Final = 0.5  # margin at least, where a model was made from few Programs on a machine that may be busy
QUICK: Final = MeasureOptions(budget_s=0.025, min_samples=30, tightness=0.0)


@dataclass(frozen=True)
class Costs:
    """Latency of a call, by file.

    Attributes:
        models: Cost model of each file's engine on the machine that will serve.
        limit_us: Of latency; a lower one where slow calls are further above the median than usual.
        machine: Name of that machine's processor; None for this machine, where what ships is measured as well.
        contents: Of the columns of records.
    """

    models: dict[str, CostModel]
    limit_us: float | None
    machine: str | None = None
    contents: Mapping[str, Contents] = field(default_factory=dict)

    def predict_us(self, program: Program | Mapping[str, float]) -> dict[str, float]:
        """Median latency of a Program, or of counts, for each file."""
        counts = program if isinstance(program, Mapping) else features(program, self.contents)
        return {name: model.predict_us(counts) for name, model in self.models.items()}

    def upper_us(self, program: Program) -> dict[str, float]:
        """About what the p99 will be at most, for each file: the prediction with margin and tail."""
        counts = features(program, self.contents)
        return {name: model.upper_us(counts) for name, model in self.models.items()}

    def surely_fits(self, program: Program, share: float) -> bool:
        """Whether no file takes more than a share of the limit, margin and tail included, as far as is known."""
        upper_us, limit_us = self.upper_us(program), self.limit_us
        return limit_us is None or (bool(upper_us) and max(upper_us.values()) <= share * limit_us)

    def most(self, unit: Mapping[str, float], is_loose: bool = True, other: Mapping[str, float] | None = None) -> float:
        """How many units of work fit into the limit at most, beside the call.

        Args:
            unit: Counts, by names of the cost model.
            is_loose: Whether the margin counts as room: what is trained to find out may well be too slow.
            other: Counts of what is done besides. Some of the limit is left in any case: not all of it may be done.
        """
        found = math.inf
        for model in self.models.values():
            unit_us = model.predict_us(unit)
            if self.limit_us is not None and unit_us > 0:
                slack = min(MOST_SLACK, model.margin) if is_loose else 0.0
                room_us = max(0.0, self.limit_us * (1 + slack) - model.predict_us({"calls": 1.0}))
                other_us = 0.0 if other is None else model.predict_us(other)
                found = min(found, max(room_us - other_us, LEAST_LEFT * room_us) / unit_us)
        return found


def costs_for(
    deployment: Deployment, constraints: Constraints, limit_s: float, records: Sequence[Mapping[str, Any]]
) -> Costs | None:
    """Costs on the machine that will serve; None without a limit that is for them.

    Args:
        deployment: Files that ship.
        constraints: What they must meet.
        limit_s: Time limit of the run, of which measuring may take a small part.
        records: What the model will read.
    """
    if deployment.costs is not None:
        return deployment.costs
    is_compiled = HEADER_FILE in deployment.engines  # a compiler takes longer than a trial is worth
    if constraints.max_latency_us is None or constraints.batch_size > 1 or is_compiled:  # cost models are of one row
        return None
    aims_us = [deployment.aim_us(name, constraints.max_latency_us) for name in deployment.engines]
    costs = quick_costs(deployment, min(aims_us) / LATENCY_AIM, min(LONGEST_S, MOST_SHARE * limit_s))
    return replace(costs, contents=contents_of(records))


def quick_costs(deployment: Deployment, limit_us: float | None, seconds: float = LONGEST_S) -> Costs:
    """Costs on this machine; without a cost model where the time is not enough for a few Programs."""
    ends = time.monotonic() + seconds
    samples: dict[str, list[CostSample]] = {name: [] for name in deployment.engines}
    for shape in QUICK_SHAPES:
        if time.monotonic() > ends:
            break
        program, records = make_program(shape), parsed(make_records(shape, rows=ROWS), COPIES)
        for name, served in deployment.models(program).items():
            total = measure_quickly(served.predict_one, records, QUICK).total
            counts = features(program, contents_of(records))
            samples[name].append(CostSample(shape.name, counts, total.p50.value_us, total.p99.value_us))
    models = {}
    for name, found in samples.items():
        if len(found) >= FEWEST:
            model = fit_cost_model(found, deployment.engines[name])
            models[name] = replace(model, margin=max(LOOSE, model.margin))
    return Costs(models, limit_us)


def device_costs(
    engines: Mapping[str, str], profile: DeviceProfile, limit_us: float, contents: Mapping[str, Contents]
) -> Costs:
    """Costs on a device that is not here.

    Args:
        engines: By file name.
        profile: Of the device.
        limit_us: Of latency.
        contents: Of the columns of records.

    Raises:
        ConfigError: The profile lacks the engine of a file.
    """
    models = {name: profile.model(engine) for name, engine in engines.items()}
    return Costs(models, limit_us, profile.machine.cpu, contents)
