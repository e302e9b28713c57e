"""Runtime of lean_automl: load an artifact, predict, measure. Needs numpy and nothing else."""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:  # `typing` is not imported: see `native`
    from typing import Any

    from lean_automl_runtime.artifact import Artifact, load_artifact, read_artifact, write_artifact
    from lean_automl_runtime.errors import LeanAutoMLError
    from lean_automl_runtime.model import Model, load
    from lean_automl_runtime.prediction import Prediction

__version__ = "0.1.0"

_HOME = {
    "Artifact": "artifact",
    "LeanAutoMLError": "errors",
    "Model": "model",
    "Prediction": "prediction",
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


def __getattr__(name: str) -> "Any":
    """Import a public name when it is first used: a serving process pays only for what it calls."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = f"{__name__}.{_HOME[name]}"
    __import__(home)  # importlib would be one more import
    return getattr(sys.modules[home], name)
