"""What evaluates a Program in this process: one table from names to loaders, each imported when asked for."""

from lean_automl_runtime.errors import ConfigError, MissingDependencyError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from lean_automl_runtime.engines.protocols import Engine, RowEngine
    from lean_automl_runtime.ir.program import Program

AUTO = "auto"
NATIVE = "native"

__all__ = ["AUTO", "ENGINES", "NATIVE", "NEEDS", "Engine", "RowEngine", "available", "make_engine", "require_engine"]


def _native(program: "Program") -> "Engine":
    from lean_automl_runtime.engines.native import NativeEngine

    return NativeEngine.of_program(program)


def _reference(program: "Program") -> "Engine":
    from lean_automl_runtime.reference import ReferenceEngine

    return ReferenceEngine(program)


def _numba(program: "Program") -> "Engine":
    from lean_automl_runtime.engines.numba import NumbaEngine

    return NumbaEngine(program)


# The fastest first: `auto` takes the first that is installed.
ENGINES: "dict[str, Callable[[Program], Engine]]" = {NATIVE: _native, "numba": _numba, "reference": _reference}
NEEDS: dict[str, str] = {
    NATIVE: "lean_automl_runtime._native",
    "numba": "numba",
    "onnx": "onnxruntime",
}  # engine -> module; for all but the native one, named as its extra


def available(name: str) -> bool:
    """Whether what an engine needs is installed."""
    return name not in NEEDS or installed(NEEDS[name])


def installed(module: str) -> bool:
    """Whether a module can be imported."""
    if module != NEEDS[NATIVE]:
        from importlib.util import find_spec

        return find_spec(module) is not None
    try:  # quicker than a search, and a library that does not load is as good as none
        import lean_automl_runtime._native  # noqa: F401
    except ImportError:
        return False
    return True


def require_engine(name: str) -> None:
    """Raise `MissingDependencyError` with the install line unless what an engine needs is installed."""
    if available(name):
        return
    if name == NATIVE:
        raise MissingDependencyError(
            "the native engine was not compiled when lean-automl-runtime was installed: install a C compiler, then "
            "pip install --force-reinstall --no-binary lean-automl-runtime lean-automl-runtime"
        )
    raise MissingDependencyError(f"the {name} engine needs {NEEDS[name]}: pip install 'lean-automl-runtime[{name}]'")


def make_engine(program: "Program", name: str = AUTO) -> "Engine":
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


def __getattr__(name: str) -> "Any":
    """The protocols, which need typing and numpy, when they are asked for."""
    if name not in ("Engine", "RowEngine"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from lean_automl_runtime.engines import protocols

    return getattr(protocols, name)
