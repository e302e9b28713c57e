"""What a gate is asked for: limits, a baseline, and where things are."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from lean_automl.errors import ConfigError

MAX_REGRESSION: Final = 0.05
# As fit --metric takes them.
SHORT_LOSSES: Final = ("logloss", "log_loss", "brier", "rmse", "mse", "mae", "mape", "rmsle", "pinball")


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a model must keep; None is no limit.

    Attributes:
        max_p99_us: Upper confidence bound of the 0.99 quantile of one row's latency, in microseconds.
        max_size_kb: Of the file, in units of 1,000 bytes.
        max_instructions: For one row.
        max_memory_mb: Greatest resident memory of a fresh process that loads the model and answers, in units of
            1,000,000 bytes.
        min_scores: Least score by name of a scikit-learn scorer.
        max_regression: Share by which bytes, instructions, branches and time may exceed the baseline's.
        max_score_drop: By how much a score may be below the baseline's.
    """

    max_p99_us: float | None = None
    max_size_kb: float | None = None
    max_instructions: float | None = None
    min_scores: dict[str, float] = field(default_factory=dict)
    max_regression: float = MAX_REGRESSION
    max_score_drop: float | None = None
    max_memory_mb: float | None = None

    def __post_init__(self) -> None:
        """Check the limits.

        Raises:
            ConfigError: One is no limit.
        """
        for name in ("max_p99_us", "max_size_kb", "max_instructions", "max_memory_mb"):
            value = getattr(self, name)
            if value is not None and not (value > 0 and math.isfinite(value)):
                raise ConfigError(f"{option(name)}: {value:g} is not a limit. Give a positive number.")
        for name in ("max_regression", "max_score_drop"):
            value = getattr(self, name)
            if value is not None and not (value >= 0 and math.isfinite(value)):
                raise ConfigError(f"{option(name)}: {value:g} is not a limit. Give 0 or more.")


@dataclass(frozen=True, kw_only=True)
class GateRequest:
    """Everything a gate is told.

    Attributes:
        model: The file to judge.
        data: Table with real rows.
        target: Column to predict; None for the one that the model's metadata names.
        limits: What must hold.
        baseline: File of figures that an earlier gate saved.
        baseline_model: Model to compare with.
        wall_clock: Whether the ratio of times to the baseline's model is measured.
        instructions: Whether instructions are counted where that is possible.
        engine: That times and scores are taken with.
        seconds: Sampling time for an absolute latency.
    """

    model: Path
    data: Path | None = None
    target: str | None = None
    limits: Limits = field(default_factory=Limits)
    baseline: Path | None = None
    baseline_model: Path | None = None
    wall_clock: bool = False
    instructions: bool = True
    engine: str = "auto"
    seconds: float = 2.0

    def __post_init__(self) -> None:
        """Check what goes with what.

        Raises:
            ConfigError: Something that is needed is not given.
        """
        limits = self.limits
        for given, name in (
            (limits.max_p99_us is not None, "--max-p99-us"),
            (limits.max_memory_mb is not None, "--max-memory-mb"),
            (self.wall_clock, "the ratio of times"),
        ):
            if given and self.data is None:
                raise ConfigError(f"{name} needs real rows. Pass --data FILE.")
        if limits.min_scores and self.data is None:
            raise ConfigError("--min-score needs rows with the target. Pass --data FILE and --target NAME.")
        if limits.max_instructions is not None and not self.instructions:
            raise ConfigError("--max-instructions and --no-instructions exclude each other.")
        if self.wall_clock and self.baseline is None and self.baseline_model is None:
            raise ConfigError("--wall-clock compares with a baseline. Pass --baseline FILE or --baseline-model OLD.")
        if not (self.seconds > 0 and math.isfinite(self.seconds)):
            raise ConfigError(f"--seconds: {self.seconds:g} is not a time. Give a positive number.")

    @property
    def compares(self) -> bool:
        """Whether there is a baseline."""
        return self.baseline is not None or self.baseline_model is not None


def option(name: str) -> str:
    """The option of a setting."""
    return f"--{name.replace('_', '-')}"


def share(text: str) -> float:
    """`5%` or `0.05` as a share.

    Raises:
        ConfigError: It is neither.
    """
    try:
        return float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        raise ConfigError(f"--max-regression: {text!r} is neither a percentage such as 5% nor a share.") from None


def scores_of(texts: list[str]) -> dict[str, float]:
    """Least scores of `METRIC=VALUE`.

    Raises:
        ConfigError: One is not of that form, or a metric repeats.
    """
    found: dict[str, float] = {}
    for text in texts:
        name, separator, number = text.partition("=")
        name = name.strip()
        try:
            value = float(number)
        except ValueError:
            value = math.nan
        if not (separator and name and math.isfinite(value)):
            raise ConfigError(f"--min-score: {text!r} is not METRIC=VALUE, such as roc_auc=0.9.")
        if name in found:
            raise ConfigError(f"--min-score: {name} is given twice.")
        if is_loss(name) and value > 0:
            raise ConfigError(f"--min-score: {name} is a loss, whose score is at most 0. Write {name}={-value:g}.")
        found[name] = value
    return found


def is_loss(name: str) -> bool:
    """Whether a metric is a loss, whose score is its negative."""
    return name.startswith("neg_") or name in SHORT_LOSSES
