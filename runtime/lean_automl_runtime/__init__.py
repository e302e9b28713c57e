"""Runtime of lean_automl: load an artifact, predict, measure. Needs numpy and nothing else."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from lean_automl_runtime.artifact import Artifact, load_artifact, read_artifact, write_artifact
    from lean_automl_runtime.errors import LeanAutoMLError
    from lean_automl_runtime.model import Model, Prediction, load

__version__ = "0.1.0"

_HOME: Final = {
    "Artifact": "artifact",
    "LeanAutoMLError": "errors",
    "Model": "model",
    "Prediction": "model",
    "load": "model",
    "load_artifact": "artifact",
    "read_artifact": "artifact",
    "write_artifact": "artifact",
}

__all__ = [
    "Artifact",
    "LeanAutoMLError",
    "Model",
    "Prediction",
    "__version__",
    "load",
    "load_artifact",
    "read_artifact",
    "write_artifact",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: a serving process pays only for what it calls."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
