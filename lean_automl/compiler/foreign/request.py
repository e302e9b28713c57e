"""What a caller asks of a compilation, and what reading a model yields."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from lean_automl_runtime.ir import Column
    from numpy.typing import NDArray

    from lean_automl.compiler.foreign.heads import Classes
    from lean_automl.compiler.foreign.model import Declared, SourceModel


@dataclass(frozen=True, eq=False)
class Request:
    """What the caller knows and wants.

    Attributes:
        columns: Raw columns that the caller describes; also names those of a model that has no names.
        names: Names of columns, for a model that has none, where `columns` are not described.
        text: Columns that hold text, beside those that are described so.
        classes: Labels for formats that do not hold them.
        rounds: Boosting rounds to take of formats that hold more; 0 is all, None follows early stopping.
        trust_pickle: Whether a pickle may be loaded, which runs the code in it.
        categories: Categories of text columns, for formats that hold only their hashes.
        booleans: Columns that hold truth values in rows; where the model reads numbers, they are boolean columns.
    """

    columns: tuple[Column, ...] = ()
    names: tuple[str, ...] = ()
    text: frozenset[str] = frozenset()
    classes: Classes = ()
    rounds: int | None = None
    trust_pickle: bool = False
    categories: dict[str, tuple[str, ...]] = field(default_factory=dict)
    booleans: frozenset[str] = frozenset()

    @property
    def declared(self) -> Declared:
        """The described columns by name."""
        return {column.name: column for column in self.columns}

    def names_for(self, count: int) -> tuple[str, ...]:
        """Names for a model of `count` columns without names; none where the caller describes none or others."""
        names = tuple(column.name for column in self.columns) or self.names
        return names if len(names) == count else ()

    @property
    def text_columns(self) -> frozenset[str]:
        """Names of all columns that are known to hold text."""
        return self.text | {column.name for column in self.columns if column.dtype == "string"}


Predict = Callable[["pd.DataFrame"], "NDArray[np.float64]"]


@dataclass(frozen=True, eq=False)
class Loaded:
    """A model that was read.

    Attributes:
        model: What it is.
        predict: The library's own answer for a frame with the model's inputs in order: numbers as float64, text as
            objects, NaN for missing. Probabilities (n, k), or predictions (n,). None where the library is not
            installed.
    """

    model: SourceModel
    predict: Predict | None


def is_instance_of(source: Any, module: str, *names: str) -> bool:
    """Whether an object's class, or a base of it, has one of the names in a module; without importing the module."""
    return any(
        base.__module__.split(".", 1)[0] == module and (not names or base.__name__ in names)
        for base in type(source).__mro__
    )
