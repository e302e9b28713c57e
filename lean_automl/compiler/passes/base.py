"""What a pass is.

Rules: a pass is a frozen dataclass with a name; `run` is a pure function from a Program to a Program, and the result
is verified when it is made. An *exact* pass gives the same outputs bit for bit for every input that the columns
allow, hostile ones included. A *lossy* one may not, so only a caller who can judge the result may run it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np

if TYPE_CHECKING:
    from lean_automl_runtime.ir import Program

Array = np.ndarray[Any, np.dtype[Any]]


class Pass(Protocol):
    """One change of a Program.

    Attributes:
        name: In reports.
        exact: Whether outputs stay the same bit for bit.
    """

    name: ClassVar[str]
    exact: ClassVar[bool]

    def run(self, program: Program) -> Program:
        """The changed Program; the same object where there is nothing to change."""
        ...
