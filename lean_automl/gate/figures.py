"""What is known about a model that a gate has looked at, and what each check found."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any

from lean_automl.gate.count import Counts


@dataclass(frozen=True)
class Figures:
    """Figures of a model that are the same on every run.

    Attributes:
        model: File name.
        sha256: Of the file.
        digest: Of the Program; None for a file that is not an artifact.
        bytes: Of the file.
        counts: Work for one row; None if it was not counted.
        scores: By name; greater is better.
        data: SHA-256 of the table of the scores, and the target; None without scores.
    """

    model: str
    sha256: str
    digest: str | None
    bytes: int
    counts: Counts | None = None
    scores: dict[str, float] = field(default_factory=dict)
    data: str | None = None

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Figures:
        """What `to_json` wrote."""
        counts = values["counts"]
        return cls(
            model=str(values["model"]),
            sha256=str(values["sha256"]),
            digest=None if values["digest"] is None else str(values["digest"]),
            bytes=int(values["bytes"]),
            counts=None if counts is None else Counts.from_json(counts),
            scores={str(name): float(score) for name, score in values["scores"].items()},
            data=None if values["data"] is None else str(values["data"]),
        )


@dataclass(frozen=True)
class GateCheck:
    """A figure beside its limit.

    Attributes:
        name: Such as `instructions per row`.
        value: What decides.
        limit: What it may be; None for a figure to know.
        unit: Of both.
        least: Whether the limit is a least value.
        baseline: The figure of the baseline, where it is compared.
        detail: More to know, in words.
    """

    name: str
    value: float
    limit: float | None = None
    unit: str = ""
    least: bool = False
    baseline: float | None = None
    detail: str = ""

    @property
    def met(self) -> bool:
        """Whether the limit is met; a value that is not a number meets none."""
        if self.limit is None:
            return True
        return self.value >= self.limit if self.least else self.value <= self.limit

    @property
    def state(self) -> str:
        """`met`, `failed`, or nothing without a limit."""
        return "" if self.limit is None else "met" if self.met else "failed"

    @property
    def wanted(self) -> str:
        """The limit in words."""
        if self.limit is None:
            return ""
        return f"{'at least' if self.least else 'at most'} {self.shown(self.limit)}"

    def shown(self, value: float | None) -> str:
        """A value with its unit."""
        if value is None:
            return ""
        text = f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:,.6g}"
        return f"{text} {self.unit}".rstrip()

    def to_json(self) -> dict[str, Any]:
        """JSON values; infinite ones are null."""
        values = {**asdict(self), "met": self.met}
        return {name: None if isinstance(v, float) and not math.isfinite(v) else v for name, v in values.items()}


@dataclass(frozen=True)
class GateResult:
    """What a gate found.

    Attributes:
        figures: Of the model.
        checks: All of them, in order.
        notes: What a reader must know.
    """

    figures: Figures
    checks: tuple[GateCheck, ...]
    notes: tuple[str, ...]

    @property
    def failed(self) -> tuple[GateCheck, ...]:
        """Checks whose limit is not met."""
        return tuple(check for check in self.checks if not check.met)

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "met": not self.failed,
            "checks": [check.to_json() for check in self.checks],
            "figures": self.figures.to_json(),
            "notes": list(self.notes),
        }
