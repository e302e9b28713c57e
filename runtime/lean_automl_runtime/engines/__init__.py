"""What evaluates a Program in this process: one table from names to loaders, each imported when asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final, Protocol, runtime_checkable

import numpy as np

from lean_automl_runtime.errors import ConfigError, MissingDependencyError

if TYPE_CHECKING:
    from lean_automl_runtime.ir.program import Program

Array = np.ndarray[Any, np.dtype[Any]]

AUTO: Final = "auto"


class Engine(Protocol):
    """Evaluates one Program."""

    @property
    def name(self) -> str:
        """As in the table of engines."""
        ...

    def run(self, inputs: Sequence[Array]) -> dict[str, Array]:
        """Named outputs for one typed array for each column (`ir.columns`), all of n rows."""
        ...


@runtime_checkable
class RowEngine(Protocol):
    """An engine with a shorter way for one row."""

    def run_one(self, values: Sequence[Any]) -> tuple[Any, tuple[float, ...]]:
        """Answer and probabilities (none for a regressor) for one parsed value of each column (`values`)."""
        ...


def _reference(program: Program) -> Engine:
    from lean_automl_runtime.reference import ReferenceEngine

    return ReferenceEngine(program)


def _numba(program: Program) -> Engine:
    from lean_automl_runtime.engines.numba import NumbaEngine

    return NumbaEngine(program)


ENGINES: Final[dict[str, Callable[[Program], Engine]]] = {"numba": _numba, "reference": _reference}
NEEDS: Final[dict[str, str]] = {
    "numba": "numba",
    "onnx": "onnxruntime",
}  # engine -> module, named as its extra


def available(name: str) -> bool:
    """Whether what an engine needs is installed."""
    return name not in NEEDS or find_spec(NEEDS[name]) is not None


def require_engine(name: str) -> None:
    """Raise `MissingDependencyError` with the install line unless what an engine needs is installed."""
    if not available(name):
        raise MissingDependencyError(
            f"the {name} engine needs {NEEDS[name]}: pip install 'lean-automl-runtime[{name}]'"
        )


def make_engine(program: Program, name: str = AUTO) -> Engine:
    """An engine for a Program; `auto` takes the fastest that is installed.

    Raises:
        ConfigError: No engine of that name evaluates Programs.
        MissingDependencyError: The engine's extra is not installed.
    """
    if name == AUTO:
        name = next(engine for engine in ENGINES if available(engine))
    if name == "onnx":
        raise ConfigError("engine 'onnx' runs ONNX files: load('model.onnx') instead of a .lam artifact")
    if name not in ENGINES:
        raise ConfigError(f"engine {name!r} is not one of: {', '.join([AUTO, *ENGINES, 'onnx'])}")
    require_engine(name)
    return ENGINES[name](program)
