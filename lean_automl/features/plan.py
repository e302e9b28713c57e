"""Features that every learner reads, each able to compute itself on a table and to write itself as ops.

A feature is fitted once, on training rows only, and is then data. `values` and the ops of `emit` give the same
float32 bits: the matrix that a learner trains on is the one that the exported Program computes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import singledispatch
from typing import TYPE_CHECKING, Any

import numpy as np
from lean_automl_runtime.dates import date_part
from lean_automl_runtime.ir import ops as o
from lean_automl_runtime.reference import prepare

from lean_automl.errors import InternalError
from lean_automl.features.texts import Bags, Tokens, bags

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from lean_automl.data import Table

F32 = np.ndarray[Any, np.dtype[np.float32]]
I32 = np.ndarray[Any, np.dtype[np.int32]]


@dataclass(frozen=True)
class Number:
    """A numeric or boolean column as it is."""

    column: str


@dataclass(frozen=True)
class Shifted:
    """A float64 column whose values float32 would merge, moved to where float32 tells them apart."""

    column: str
    shift: float
    scale: float


@dataclass(frozen=True)
class DateNumber:
    """One calendar field of a datetime column."""

    column: str
    part: o.DateField


@dataclass(frozen=True)
class Pair:
    """Arithmetic of two numeric features."""

    kind: o.ArithmeticKind
    left: NumericFeature
    right: NumericFeature


@dataclass(frozen=True)
class WithNumber:
    """Arithmetic of a numeric feature and a number, which is a float32; the number is the left one where `first`."""

    kind: o.ArithmeticKind
    feature: NumericFeature
    constant: float
    first: bool


@dataclass(frozen=True)
class Expressed:
    """A feature that a user defined, with the text that did."""

    name: str
    text: str
    feature: NumericFeature


@dataclass(frozen=True)
class Centred:
    """A numeric feature less its mean among the rows of the same category.

    `means` has one entry for each code of `category`; the entries of missing and unseen hold the overall mean unless
    the training rows had such codes.
    """

    value: NumericFeature
    category: CategoryFeature
    means: tuple[float, ...]


@dataclass(frozen=True)
class Frequency:
    """How often a row's category occurs among the training rows, as a share."""

    category: CategoryFeature
    shares: tuple[float, ...]


@dataclass(frozen=True)
class Ordinal:
    """A category's code as a number: 0 missing, 1 unseen or rare, then the categories from frequent to rare."""

    category: CategoryFeature


@dataclass(frozen=True)
class TextNumber:
    """A count of a text column: its length, its words, its digits or its capitals."""

    column: str
    field: o.TextField


@dataclass(frozen=True, eq=False)
class Worded:
    """What the words of a column say of a target, as fitted weights of tokens.

    Attributes:
        column: Name.
        op: The weights, one column wide; its input is the column.
    """

    column: str
    op: o.TokenScore


@dataclass(frozen=True)
class Category:
    """A categorical column as codes: 0 missing, 1 unseen or rare, 2 and up the categories."""

    column: str
    categories: tuple[str, ...]

    @property
    def levels(self) -> int:
        """Number of codes."""
        return len(self.categories) + o.CODE_FIRST


@dataclass(frozen=True)
class Binned:
    """A numeric feature as a category: the code is how many of the ascending `edges` are below it, NaN the last one."""

    value: NumericFeature
    edges: tuple[float, ...]

    @property
    def levels(self) -> int:
        """Number of codes."""
        return len(self.edges) + 2


@dataclass(frozen=True)
class Crossed:
    """Two categorical features as one: a code for every pair of codes."""

    left: CategoryFeature
    right: CategoryFeature

    @property
    def levels(self) -> int:
        """Number of codes."""
        return self.left.levels * self.right.levels


NumericFeature = (
    Number | Shifted | DateNumber | Pair | WithNumber | Expressed | Centred | Frequency | Ordinal | TextNumber | Worded
)
CategoryFeature = Category | Binned | Crossed


@dataclass(frozen=True, eq=False)
class Frame:
    """What learners read: n rows of numeric features and of category codes.

    Attributes:
        numbers: float32, shape (n, numeric features); NaN is missing; finite otherwise.
        codes: int32, shape (n, categorical features).
        levels: Number of codes of each categorical feature.
        texts: Tokens of each text; learners take numbers made of them (`learners.texts`).
    """

    numbers: F32
    codes: I32
    levels: tuple[int, ...]
    texts: tuple[Bags, ...] = ()

    @property
    def rows(self) -> int:
        """Number of rows."""
        return int(self.numbers.shape[0])

    def take(self, index: NDArray[Any]) -> Frame:
        """Some of the rows."""
        texts = tuple(own.take(index) for own in self.texts)
        return Frame(self.numbers[index], self.codes[index], self.levels, texts)

    def joined(self, more: Frame) -> Frame:
        """These rows and then the others, of the same features."""
        numbers, codes = (self.numbers, more.numbers), (self.codes, more.codes)
        texts = tuple(own.joined(other) for own, other in zip(self.texts, more.texts, strict=True))
        return Frame(np.concatenate(numbers), np.concatenate(codes), self.levels, texts)

    def beside(self, more: Frame) -> Frame:
        """These features and then the others, of the same rows."""
        numbers, codes = (self.numbers, more.numbers), (self.codes, more.codes)
        levels, texts = self.levels + more.levels, self.texts + more.texts
        return Frame(np.concatenate(numbers, axis=1), np.concatenate(codes, axis=1), levels, texts)


@dataclass(frozen=True)
class FeaturePlan:
    """Fitted features in a fixed order."""

    numeric: tuple[NumericFeature, ...]
    categorical: tuple[CategoryFeature, ...]
    texts: tuple[Tokens, ...] = ()

    def frame(self, table: Table) -> Frame:
        """The features of a table's rows."""
        numbers = [numeric_values(feature, table) for feature in self.numeric]
        codes = [category_codes(feature, table) for feature in self.categorical]
        rows = table.rows
        return Frame(
            np.column_stack(numbers) if numbers else np.empty((rows, 0), dtype=np.float32),
            np.column_stack(codes) if codes else np.empty((rows, 0), dtype=np.int32),
            tuple(feature.levels for feature in self.categorical),
            tuple(bags(tokens, table.array(tokens.column)) for tokens in self.texts),
        )

    @property
    def written(self) -> dict[str, str]:
        """The text of each feature that a user defined, by name."""
        return {feature.name: feature.text for feature in self.numeric if isinstance(feature, Expressed)}

    def __add__(self, more: FeaturePlan) -> FeaturePlan:
        """These features and then the others."""
        categorical, texts = self.categorical + more.categorical, self.texts + more.texts
        return FeaturePlan(self.numeric + more.numeric, categorical, texts)


# Infinities become the largest finite numbers for learners, which refuse or misread them. A threshold or an edge
# cannot tell the two apart, so ops that compare need nothing; ops that calculate must clip first.
LARGEST = np.float32(np.finfo(np.float32).max)


def numeric_values(feature: NumericFeature, table: Table) -> F32:
    """float32 values of a numeric feature, shape (n,), infinities limited to the largest finite numbers."""
    with np.errstate(all="ignore"):
        values: F32 = np.clip(_raw_values(feature, table), -LARGEST, LARGEST)
    return values


@singledispatch
def _raw_values(feature: object, table: Table) -> F32:  # noqa: ARG001
    raise InternalError(f"no values are defined for {type(feature).__name__}")


@_raw_values.register(Number)
def _(feature: Number, table: Table) -> F32:
    return np.asarray(table.array(feature.column), dtype=np.float32)


@_raw_values.register(Shifted)
def _(feature: Shifted, table: Table) -> F32:
    shifted = (table.array(feature.column).astype(np.float64) - feature.shift) * feature.scale
    return np.asarray(shifted, dtype=np.float32)


@_raw_values.register(DateNumber)
def _(feature: DateNumber, table: Table) -> F32:
    return date_part(table.array(feature.column), feature.part)


@_raw_values.register(Pair)
def _(feature: Pair, table: Table) -> F32:
    step = prepare(o.Arithmetic((0, 1), feature.kind))
    return np.asarray(step(_raw_values(feature.left, table), _raw_values(feature.right, table)), dtype=np.float32)


@_raw_values.register(WithNumber)
def _(feature: WithNumber, table: Table) -> F32:
    step = prepare(with_constant(feature, 0))
    return np.asarray(step(_raw_values(feature.feature, table)), dtype=np.float32)


@_raw_values.register(Expressed)
def _(feature: Expressed, table: Table) -> F32:
    return _raw_values(feature.feature, table)


@_raw_values.register(Centred)
def _(feature: Centred, table: Table) -> F32:
    means = np.array(feature.means, dtype=np.float32)
    mean = means[category_codes(feature.category, table)]
    return np.asarray(_raw_values(feature.value, table) - mean, dtype=np.float32)


@_raw_values.register(Frequency)
def _(feature: Frequency, table: Table) -> F32:
    return np.array(feature.shares, dtype=np.float32)[category_codes(feature.category, table)]


@_raw_values.register(Ordinal)
def _(feature: Ordinal, table: Table) -> F32:
    return category_codes(feature.category, table).astype(np.float32)


@_raw_values.register(TextNumber)
def _(feature: TextNumber, table: Table) -> F32:
    return np.asarray(prepare(o.TextCount((0,), feature.field))(table.array(feature.column))[:, 0], dtype=np.float32)


@_raw_values.register(Worded)
def _(feature: Worded, table: Table) -> F32:
    return np.asarray(prepare(feature.op)(table.array(feature.column))[:, 0], dtype=np.float32)


def category_codes(feature: CategoryFeature, table: Table) -> I32:
    """Codes of a categorical feature, int32 of shape (n,)."""
    if isinstance(feature, Binned):
        return codes_of_bins(numeric_values(feature.value, table), feature.edges)
    if isinstance(feature, Crossed):
        left, right = category_codes(feature.left, table), category_codes(feature.right, table)
        return np.asarray(left * feature.right.levels + right, dtype=np.int32)
    code = {category: number for number, category in enumerate(feature.categories, start=o.CODE_FIRST)}
    code[""] = o.CODE_MISSING
    find = code.get
    return np.array([find(text, o.CODE_UNSEEN) for text in table.array(feature.column)], dtype=np.int32)


def codes_of_bins(values: F32, edges: Sequence[float]) -> I32:
    """How many of the ascending edges are below each value; `len(edges) + 1` for NaN."""
    codes = np.searchsorted(np.array(edges, dtype=np.float32), values, side="left")
    return np.where(np.isnan(values), len(edges) + 1, codes).astype(np.int32)


def with_constant(feature: WithNumber, value: int) -> o.WithConstant:
    """The op of a feature on a value."""
    return o.WithConstant((value,), feature.kind, np.array([feature.constant], dtype=np.float32), feature.first)
