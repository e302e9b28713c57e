"""What a student would ship, and whether it may: sizes of its files and their latency, as constraint violations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from lean_automl_exporters.onnx import export_onnx
from lean_automl_runtime.artifact import Artifact, write_artifact
from lean_automl_runtime.engines import make_engine
from lean_automl_runtime.engines.onnx import OnnxEngine
from lean_automl_runtime.measure import measure_in_process
from lean_automl_runtime.model import Model

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lean_automl_runtime.ir import Program

    from lean_automl.config import Constraints

ARTIFACT_FILE: Final = "model.lam"
ONNX_FILE: Final = "model.onnx"
METADATA_BYTES: Final = 1_200  # what the final files say about themselves on top


@dataclass(frozen=True)
class Footprint:
    """What a Program costs.

    Attributes:
        sizes: Bytes of each file.
        latency_us: Median of a call for each file with its own engine, measured in this process; empty without a limit.
    """

    sizes: dict[str, int]
    latency_us: dict[str, float]

    def violations(self, constraints: Constraints) -> dict[str, float]:
        """Relative excess over each limit: `value / limit - 1`, at most 0 where it is met."""
        found = {}
        if constraints.max_size_bytes is not None:
            found["size"] = max(self.sizes.values()) / constraints.max_size_bytes - 1
        if constraints.max_latency_us is not None and self.latency_us:
            found["latency"] = max(self.latency_us.values()) / constraints.max_latency_us - 1
        return found

    @property
    def bytes(self) -> int:
        """Of the largest file."""
        return max(self.sizes.values())


def file_bytes(program: Program, metadata: dict[str, Any] | None = None) -> dict[str, bytes]:
    """The content of every file that ships."""
    return {
        ARTIFACT_FILE: write_artifact(Artifact(program, metadata or {})),
        ONNX_FILE: export_onnx(program, metadata=metadata or {}),
    }


def sizes_of(program: Program) -> dict[str, int]:
    """Bytes of each file, with room for what the final files say about themselves."""
    return {name: len(content) + METADATA_BYTES for name, content in file_bytes(program).items()}


def footprint(program: Program, records: Sequence[dict[str, Any]], constraints: Constraints) -> Footprint:
    """Sizes, and a quick latency where there is a limit.

    Args:
        program: What would ship.
        records: Raw records to measure with.
        constraints: The limits.
    """
    files = file_bytes(program)
    sizes = {name: len(content) + METADATA_BYTES for name, content in files.items()}
    if constraints.max_latency_us is None:
        return Footprint(sizes, {})
    session = OnnxEngine(files[ONNX_FILE])
    models = {
        ARTIFACT_FILE: Model(make_engine(program), program.columns, program.classes, {}),
        ONNX_FILE: Model(session, session.columns, session.classes, {}),
    }
    latency = {
        name: measure_in_process(model.predict_one, records).total.at(0.5).value_us for name, model in models.items()
    }
    return Footprint(sizes, latency)
