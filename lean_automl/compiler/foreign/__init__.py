"""Models of other libraries, compiled to Programs."""

from lean_automl.compiler.foreign.compile import Compiled, compile_checked, compile_model
from lean_automl.compiler.foreign.parity import SourceParity
from lean_automl.compiler.foreign.request import Request

__all__ = ["Compiled", "Request", "SourceParity", "compile_checked", "compile_model"]
