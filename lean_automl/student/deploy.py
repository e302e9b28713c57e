"""What ships, with which engine, and what a Program costs there, as constraint violations.

| target            | files                    | engine that the limit holds for          |
|-------------------|--------------------------|------------------------------------------|
| auto              | model.lam and model.onnx | the fastest installed, and onnxruntime   |
| native, numba,    | model.lam                | that one                                 |
| reference         |                          |                                          |
| onnx              | model.onnx               | onnxruntime                              |

With `auto`, a file whose engine alone takes longer than the limit, whatever the model, is left out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from lean_automl_exporters.onnx import export_onnx
from lean_automl_runtime.artifact import Artifact, write_artifact
from lean_automl_runtime.engines import ENGINES, available, make_engine, require_engine
from lean_automl_runtime.engines.onnx import OnnxEngine
from lean_automl_runtime.ir import PREDICTION, ColumnKind, Program, ProgramBuilder
from lean_automl_runtime.ir import ops as o
from lean_automl_runtime.measure import measure_in_process
from lean_automl_runtime.model import Model

from lean_automl.errors import InfeasibleError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lean_automl_runtime.ir import Column

    from lean_automl.config import Constraints

ARTIFACT_FILE: Final = "model.lam"
ONNX_FILE: Final = "model.onnx"
METADATA_BYTES: Final = 1_500  # what the final files say about themselves on top


@dataclass(frozen=True)
class Deployment:
    """Files that ship.

    Attributes:
        engines: Engine that the limits hold for, by file name.
        floors_us: What a call takes before any model, by file name; empty if that was not measured.
    """

    engines: dict[str, str]
    floors_us: dict[str, float] = field(default_factory=dict)

    def contents(self, program: Program, metadata: dict[str, Any] | None = None) -> dict[str, bytes]:
        """Content of every file, by name."""
        writers = {
            ARTIFACT_FILE: lambda: write_artifact(Artifact(program, metadata or {})),
            ONNX_FILE: lambda: export_onnx(program, metadata=metadata or {}),
        }
        return {name: writers[name]() for name in self.engines}

    def sizes(self, program: Program) -> dict[str, int]:
        """Bytes of each file, with room for what the final files say about themselves."""
        return {name: len(content) + METADATA_BYTES for name, content in self.contents(program).items()}

    def footprint(
        self, program: Program, records: Sequence[dict[str, Any]], constraints: Constraints | None = None
    ) -> Footprint:
        """Sizes, and a quick latency unless there are constraints without a limit on it.

        Args:
            program: What would ship.
            records: Raw records to measure with.
            constraints: The limits.
        """
        files = self.contents(program)
        sizes = {name: len(content) + METADATA_BYTES for name, content in files.items()}
        if constraints is not None and constraints.max_latency_us is None:
            return Footprint(sizes, {})
        latency = {}
        for name, engine in self.engines.items():
            model = _model(program, files[name], engine)
            latency[name] = measure_in_process(model.predict_one, records).total.at(0.5).value_us
        return Footprint(sizes, latency)

    def models(self, program: Program) -> dict[str, Model]:
        """A Program as each file would serve it, by name."""
        files = self.contents(program)
        return {name: _model(program, files[name], engine) for name, engine in self.engines.items()}


def _model(program: Program, content: bytes, engine: str) -> Model:
    if engine == "onnx":
        session = OnnxEngine(content)
        return Model(session, session.columns, session.classes, {})
    return Model(make_engine(program, engine), program.columns, program.classes, {})


EVERY_FILE: Final = Deployment({ARTIFACT_FILE: "auto", ONNX_FILE: "onnx"})


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


def fastest_engine() -> str:
    """The fastest installed engine for an artifact."""
    return next(name for name in ENGINES if available(name))


def choose_deployment(
    target: str, columns: tuple[Column, ...], records: Sequence[dict[str, Any]], constraints: Constraints
) -> tuple[Deployment, tuple[str, ...]]:
    """Files that ship for a target, and a line for each that is left out.

    Raises:
        InfeasibleError: Even a model that does nothing is too slow with every engine.
        MissingDependencyError: The target's engine is not installed.
    """
    if target == "onnx":
        wanted = {ONNX_FILE: "onnx"}
    elif target == "auto":
        wanted = {ARTIFACT_FILE: fastest_engine(), ONNX_FILE: "onnx"}
    else:
        wanted = {ARTIFACT_FILE: target}
    for engine in wanted.values():
        require_engine(engine)
    if constraints.max_latency_us is None:
        return Deployment(wanted), ()
    floors = Deployment(wanted).footprint(_least_program(columns), records, constraints).latency_us
    kept = {name: engine for name, engine in wanted.items() if floors[name] <= constraints.max_latency_us}
    left_out = [
        f"{name} is left out: with the {wanted[name]} engine a call takes {floors[name]:,.1f} us before any model, "
        f"over the limit of {constraints.max_latency_us:,g} us"
        for name in wanted
        if name not in kept
    ]
    if not kept:
        raise InfeasibleError(f"no engine is quick enough here. {'; '.join(left_out)}.")
    return Deployment(kept, {name: floors[name] for name in kept}), tuple(left_out)


def _least_program(columns: tuple[Column, ...]) -> Program:
    """A Program with these columns that does as good as nothing."""
    builder = ProgramBuilder(columns)
    first = builder.column(columns[0].name)
    if columns[0].dtype == "string":
        table = np.zeros((o.CODE_FIRST, 1), dtype=np.float32)
        return builder.build({PREDICTION: builder.add(o.Lookup((builder.add(o.Encode((first,), ())),), table))})
    if columns[0].kind is ColumnKind.DATETIME:
        return builder.build({PREDICTION: builder.add(o.DatePart((first,), o.DateField.DAYS))})
    if columns[0].dtype == "float64":
        return builder.build({PREDICTION: builder.add(o.Rescale((first,), 0.0, 1.0))})
    return builder.build({PREDICTION: builder.add(o.Impute((first,), np.zeros(1, dtype=np.float32)))})
