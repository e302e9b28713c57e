"""What a pass did: bytes, predicted time and loss, before and after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from lean_automl_exporters.onnx import OnnxOptions, TreeEncoding, export_onnx
from lean_automl_runtime.artifact import Artifact, write_artifact

if TYPE_CHECKING:
    from lean_automl_runtime.ir import Program
    from lean_automl_runtime.measure import CostModel

COMPACT: Final = OnnxOptions(TreeEncoding.COMPACT)  # who runs lossy passes has a limit on size, and ships that


@dataclass(frozen=True, slots=True)
class Figures:
    """What a Program costs.

    Attributes:
        lam: Bytes of the artifact, without metadata.
        onnx: Bytes of the ONNX file, likewise.
        us: Predicted microseconds for one row; None without a cost model.
        loss: On the rows of a check; None without one.
    """

    lam: int
    onnx: int
    us: float | None = None
    loss: float | None = None

    @property
    def bytes(self) -> int:
        """Of the larger file."""
        return max(self.lam, self.onnx)

    def to_json(self) -> dict[str, Any]:
        """JSON values, short ones: they go into the files themselves."""
        values: dict[str, Any] = {"lam": self.lam, "onnx": self.onnx}
        if self.us is not None:
            values["us"] = float(f"{self.us:.4g}")
        if self.loss is not None:
            values["loss"] = float(f"{self.loss:.6g}")
        return values

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Figures:
        """What `to_json` wrote."""
        return cls(int(values["lam"]), int(values["onnx"]), values.get("us"), values.get("loss"))


@dataclass(frozen=True, slots=True)
class PassReport:
    """What one pass did, or would have done.

    Attributes:
        name: Of the pass, with its setting.
        exact: Whether outputs stay the same bit for bit.
        kept: Whether its result was taken.
        before: Figures before it.
        after: Figures of its result.
        seconds: What it took.
    """

    name: str
    exact: bool
    kept: bool
    before: Figures
    after: Figures
    seconds: float

    @property
    def changes(self) -> bool:
        """Whether it changed any figure."""
        return self.before != self.after

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "pass": self.name,
            "exact": self.exact,
            "kept": self.kept,
            "before": self.before.to_json(),
            "after": self.after.to_json(),
            "seconds": float(f"{self.seconds:.2g}"),
        }


def figures_of(program: Program, loss: float | None = None, cost: CostModel | None = None) -> Figures:
    """Figures of a Program.

    Args:
        program: Any Program.
        loss: Its loss, if it was judged.
        cost: Predicts times; None if the machine has no profile.
    """
    us = None if cost is None else cost.predict_us(program)
    return Figures(len(write_artifact(Artifact(program))), len(export_onnx(program, COMPACT)), us, loss)


def noted(reports: Sequence[PassReport]) -> dict[str, Any]:
    """What an artifact's metadata says of the passes that changed it. Short: an ONNX file holds it uncompressed."""
    kept = [report for report in reports if report.kept and report.changes]
    if not kept:
        return {}
    steps = [{"pass": report.name, "exact": report.exact, **report.after.to_json()} for report in kept]
    return {"before": kept[0].before.to_json(), "steps": steps}


def recalled(values: Mapping[str, Any]) -> list[PassReport]:
    """The reports that `noted` wrote; what they took is not known any more."""
    before, reports = Figures.from_json(values["before"]), []
    for step in values["steps"]:
        after = Figures.from_json(step)
        reports.append(PassReport(step["pass"], step["exact"], True, before, after, 0.0))
        before = after
    return reports
