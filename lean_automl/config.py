"""What a user may set, once, with its default; checked when made."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Final

from lean_automl.errors import ConfigError

if TYPE_CHECKING:
    from lean_automl_runtime.measure import DeviceProfile

TIGHT_BYTES: Final = 16_000
TIGHT_US: Final = 2.0
ROOMY_BYTES: Final = 128_000
MOST_ROWS: Final = 1_000_000
MAX_SEED: Final = 2**31 - 1
BALANCED: Final = "balanced"
MOST_QUANTILES: Final = 20
EXECUTORS: Final = ("local", "ray")
TARGETS: Final = ("auto", "native", "numba", "onnx", "reference", "c")
SIGNS: Final = {"+1": 1, "1": 1, "+": 1, "-1": -1, "-": -1}
_SIGNED: Final = re.compile(r"\s*(.+?)\s*=\s*([+-]?1|[+-])\s*(?:,|$)")
Monotone = tuple[tuple[str, int], ...]


@dataclass(frozen=True, kw_only=True)
class Constraints:
    """What the exported files must meet; None is no limit.

    Attributes:
        max_latency_us: For one call, raw records in, predictions out: the upper confidence bound of the quantile.
        max_size_bytes: Of each file that is exported.
        latency_quantile: Which quantile the limit speaks of.
        max_memory_bytes: Of a process that serves: greatest resident memory of a fresh one that imports the runtime,
            loads a file and answers one row.
        batch_size: Rows of a call.
    """

    max_latency_us: float | None = None
    max_size_bytes: float | None = None
    latency_quantile: float = 0.99
    max_memory_bytes: float | None = None
    batch_size: int = 1

    def __post_init__(self) -> None:
        """Check the limits.

        Raises:
            ConfigError: A limit is not a positive number, or the quantile or the rows of a call are out of range.
        """
        for name in ("max_latency_us", "max_size_bytes", "max_memory_bytes"):
            check_limit(name, getattr(self, name))
        if not 0 < self.latency_quantile < 1:
            raise ConfigError(f"--latency-quantile: {self.latency_quantile:g} is not between 0 and 1.")
        if not 1 <= self.batch_size <= MOST_ROWS:
            raise ConfigError(f"--batch-size: {self.batch_size} is not between 1 and {MOST_ROWS:,}.")

    @property
    def call(self) -> str:
        """What the latency is of."""
        return "one row" if self.batch_size == 1 else f"a batch of {self.batch_size:,} rows"

    @property
    def are_tight(self) -> bool:
        """Whether what fits is so small that a model of its own kind has to be made for it."""
        size = self.max_size_bytes
        latency = self.max_latency_us if self.batch_size == 1 else None
        return (size is not None and size <= TIGHT_BYTES) or (latency is not None and latency <= TIGHT_US)

    @property
    def are_roomy(self) -> bool:
        """Whether models that were made without a thought of bytes have a chance to fit."""
        return not self.are_tight and (self.max_size_bytes is None or self.max_size_bytes >= ROOMY_BYTES)


def check_limit(name: str, value: float | None) -> None:
    """See that a limit is one, under the name by which the user knows it.

    Raises:
        ConfigError: It is not a positive number.
    """
    if value is not None and not (value > 0 and math.isfinite(value)):
        raise ConfigError(f"{name}: {value:g} is not a limit. Give a positive number.")


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What the search may spend.

    Attributes:
        time_limit_s: Wall time for everything, from reading the table to the last check.
        max_trials: Students to try at most; None is no limit.
        teacher: Whether a teacher is built.
        measure: Whether latencies are measured that no limit asks for.
        feature_search: Whether features beyond the columns are searched for.
    """

    time_limit_s: float = 60.0
    max_trials: int | None = None
    teacher: bool = True
    measure: bool = True
    feature_search: bool = True

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            ConfigError: The time is below `SHORTEST_TIME_S`, or there is to be no trial.
        """
        if not (self.time_limit_s >= SHORTEST_TIME_S and math.isfinite(self.time_limit_s)):
            raise ConfigError(
                f"--time-limit: {self.time_limit_s:g} is not enough. Give at least {SHORTEST_TIME_S:g} seconds."
            )
        if self.max_trials is not None and self.max_trials < 1:
            raise ConfigError(f"--max-trials: {self.max_trials} is not a number of trials. Give at least 1.")


SHORTEST_TIME_S: Final = 5.0


@dataclass(frozen=True, kw_only=True)
class FitConfig:
    """Everything that `fit` may be told beside the table and what its columns mean.

    Attributes:
        constraints: What the exported files must meet.
        budget: What the search may spend.
        target: What ships and where the limits hold, as `student.deploy` says.
        metric: Name of a scikit-learn scorer; None for the task's default.
        families: Student families to search; None for all that are installed.
        class_weight: `balanced` for classes that weigh the same in training; None for rows that do.
        monotone: Names and signs of what predictions may only rise (1) or only fall (-1) with.
        quantiles: Shares of the target below which predictions are to lie, ascending; none for the mean.
        one_se: Whether the cheapest model ships that is within one standard error of the best, instead of the best.
        features: The user's own, each `name = expression` as `features.expression` describes.
        holdout: Share of the rows that no step sees until the end; None to choose by the number of rows.
        folds: Folds of the teacher's cross-validation.
        threads: Processes that fit at the same time, of one thread each; with Ray, as many as the cluster has CPUs.
        executor: Where fits run: in processes of this machine, or in a Ray cluster.
        address: Of the cluster.
        seed: For everything random.
        device: Profile of the machine that will serve, if that is another one; None for this one.
    """

    constraints: Constraints = field(default_factory=Constraints)
    budget: Budget = field(default_factory=Budget)
    target: str = "auto"
    metric: str | None = None
    families: tuple[str, ...] | None = None
    class_weight: str | None = None
    monotone: Monotone = ()
    quantiles: tuple[float, ...] = ()
    one_se: bool = False
    features: tuple[str, ...] = ()
    holdout: float | None = None
    folds: int = 5
    threads: int = 2
    executor: str = "local"
    address: str = "auto"
    seed: int = 0
    device: DeviceProfile | None = None

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            ConfigError: One is out of its range.
        """
        for name, low, high in (("folds", 2, 20), ("threads", 1, 1024), ("seed", 0, MAX_SEED)):
            value = getattr(self, name)
            if not low <= value <= high:
                raise ConfigError(f"--{name}: {value} is not between {low} and {high}.")
        if self.executor not in EXECUTORS:
            raise ConfigError(f"--executor: {self.executor!r} is not one of: {', '.join(EXECUTORS)}.")
        if self.target not in TARGETS:
            raise ConfigError(f"--serve-with: {self.target!r} is not one of: {', '.join(TARGETS)}.")
        if not all(0 < q < 1 for q in self.quantiles) or list(self.quantiles) != sorted(set(self.quantiles)):
            shown = ",".join(f"{q:g}" for q in self.quantiles)
            raise ConfigError(f"--quantiles: {shown} is no ascending list between 0 and 1, such as 0.1,0.5,0.9.")
        if len(self.quantiles) > MOST_QUANTILES:
            raise ConfigError(f"--quantiles: {len(self.quantiles)} are too many. Give at most {MOST_QUANTILES}.")
        if self.class_weight not in (None, BALANCED):
            raise ConfigError(f"--class-weight: {self.class_weight!r} is not {BALANCED!r}.")
        if self.holdout is not None and not 0 < self.holdout < 0.5:
            raise ConfigError(f"--holdout: {self.holdout:g} is not a share between 0 and 0.5.")

    @classmethod
    def option_names(cls) -> tuple[str, ...]:
        """Names of the settings."""
        return tuple(f.name for f in fields(cls))


def parse_monotone(texts: tuple[str, ...]) -> Monotone:
    """Names and signs out of `age=+1,debt=-1`; a name may have commas.

    Raises:
        ConfigError: A text is no such list, or a name has two signs.
    """
    found: dict[str, int] = {}
    for text in texts:
        at = 0
        while at < len(text):
            match = _SIGNED.match(text, at)
            if match is None:
                raise ConfigError(f"--monotone: {text[at:]!r:.80} is not NAME=+1 or NAME=-1, such as age=+1,debt=-1.")
            name, sign = match[1], SIGNS[match[2]]
            if found.setdefault(name, sign) != sign:
                raise ConfigError(f"--monotone: {name!r} has two signs. Give one.")
            at = match.end()
    return tuple(found.items())
