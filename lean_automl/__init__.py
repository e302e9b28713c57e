"""AutoML for models that must ship: latency and size are hard constraints, kept or refused."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from lean_automl.sklearn import LeanClassifier, LeanRegressor

__all__ = ["LeanClassifier", "LeanRegressor", "__version__"]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """The estimators, loaded when they are first asked for: scikit-learn takes a second to import."""
    if name in ("LeanClassifier", "LeanRegressor"):
        from importlib import import_module  # by name, so that the package itself stays below the layers in it

        return getattr(import_module("lean_automl.sklearn"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
