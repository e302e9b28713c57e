"""The ops of the IR. The docstring of an op is its meaning; `reference.py` is its definition.

A Program is a list of ops in order. A *value* is what a column or an op yields for n rows: a matrix of n rows and
`width` columns. Op inputs are value numbers: columns come first, then ops, in order.

Rules that hold for every op:

* float values are float32 and each arithmetic step rounds to float32: no fused multiply-add, no wider accumulator.
* Scores of trees and tables are sums of integers, so they do not depend on the order of summation, and are the
  same bits on every machine: `score = float32(sum) * scale + bias`. `verify` rejects a Program whose sums could
  leave int32.
* A *code* is the row's position in a category table: 0 is missing, 1 is unseen, 2 and up are the categories.
* A *bin* is a small non-negative integer that tree stages read.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from lean_automl_runtime.ir.words import Activation, ArithmeticKind, DateField, LinkKind, TextField

if TYPE_CHECKING:
    from numpy.typing import NDArray

    F32 = NDArray[np.float32]
    I32 = NDArray[np.int32]
    Ints = NDArray[np.signedinteger[Any]]
    Bins = NDArray[np.unsignedinteger[Any]]

__all__ = ["Activation", "ArithmeticKind", "DateField", "LinkKind", "TextField"]  # and what is defined here

CODE_MISSING: Final = 0
CODE_UNSEEN: Final = 1
CODE_FIRST: Final = 2


@dataclass(frozen=True, eq=False)
class Op:
    """Base of all ops.

    Attributes:
        inputs: Numbers of the values that the op reads.
    """

    inputs: tuple[int, ...]

    def __post_init__(self) -> None:
        """Freeze every array, so that a Program cannot change after it was verified."""
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, np.ndarray):
                frozen = np.ascontiguousarray(value)
                if frozen is value and frozen.flags.writeable:
                    frozen = frozen.copy()
                frozen.flags.writeable = False
                object.__setattr__(self, field.name, frozen)

    @property
    def name(self) -> str:
        """The op's name in text and in artifacts."""
        return type(self).__name__


# --- columns to features ------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Rescale(Op):
    """float64 (n, 1) -> float32 (n, 1): `float32((x - shift) * scale)`, the arithmetic in float64.

    For columns whose values float32 would merge, such as epoch seconds or ids.
    """

    shift: float
    scale: float


@dataclass(frozen=True, eq=False)
class DatePart(Op):
    """int64 seconds since 1970 (n, 1) -> float32 (n, 1): one calendar field; NaN where the time is missing."""

    part: DateField


@dataclass(frozen=True, eq=False)
class Encode(Op):
    """string (n, 1) -> code (n, 1): 0 for the empty string (missing), 2 + position in `categories`, else 1.

    `categories` are distinct, non-empty and compared as Unicode code points, without normalisation.
    """

    categories: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class TextCount(Op):
    """string (n, 1) -> float32 (n, 1): one count of the text; 0 where it is missing."""

    field: TextField


@dataclass(frozen=True, eq=False)
class TokenScore(Op):
    """string (n, 1) -> float (n, width): weights of the tokens that occur in the text, added up.

    A word is a run of ASCII letters and digits and of all characters beyond ASCII, its ASCII capitals made small. The
    first `limit` words are read. A token is a word, or two words that follow each other, joined by one space. Each
    occurrence of `tokens[i]` adds the row i of `weights`; the output column j is
    `float32(sum) * scale[j] + bias[j]`, the sum in int32. Tokens are compared as code points, without normalisation.

    Attributes:
        tokens: distinct, each of at most 64 UTF-8 bytes.
        weights: int8 or int16, shape (tokens, width).
        scale: shape (width,).
        bias: shape (width,).
        limit: at least 1, such that no sum can leave int32.
    """

    tokens: tuple[str, ...]
    weights: Ints
    scale: F32
    bias: F32
    limit: int


@dataclass(frozen=True, eq=False)
class Cross(Op):
    """Two codes or bins (n, 1), a and b -> code (n, 1): `a * stride + b`, `stride` being the levels of b."""

    stride: int


@dataclass(frozen=True, eq=False)
class Lookup(Op):
    """Code or bin (n, 1) -> (n, w): row `x` of `table`, shape (levels, w).

    A float32 table yields floats (target statistics, frequencies, bin centres, one-hot codes); a uint8 or uint16
    table yields bins (a category map folded into the bins that a tree reads).
    """

    table: NDArray[Any]


@dataclass(frozen=True, eq=False)
class Arithmetic(Op):
    """Two floats (n, w), a and b -> float (n, w), element by element."""

    kind: ArithmeticKind


@dataclass(frozen=True, eq=False)
class WithConstant(Op):
    """Float x (n, w) -> float (n, w): `Arithmetic` of column j of x and the number `constant[j]`.

    x is a and the number is b, or the other way round where `constant_first`. `constant` has shape (w,) and is finite.
    """

    kind: ArithmeticKind
    constant: F32
    constant_first: bool


@dataclass(frozen=True, eq=False)
class Impute(Op):
    """Float (n, w) -> float (n, w): `fill[j]` where column j is NaN. `fill` has shape (w,)."""

    fill: F32


@dataclass(frozen=True, eq=False)
class Clip(Op):
    """Float (n, w) -> float (n, w): limited to `low[j]`, `high[j]`; NaN stays NaN. Both have shape (w,)."""

    low: F32
    high: F32


@dataclass(frozen=True, eq=False)
class Concat(Op):
    """Values of one type, (n, w_1), (n, w_2), ... -> (n, w_1 + w_2 + ...), side by side."""


@dataclass(frozen=True, eq=False)
class Bin(Op):
    """Float (n, w) -> bin (n, w): how many of column j's edges are below x; `nan_bin[j]` where x is NaN.

    Column j has the edges `edges[offsets[j]:offsets[j + 1]]`, strictly ascending, so that `bin > i` holds exactly
    where `x > edge[i]`. `edges` has shape (offsets[-1],), `offsets` (w + 1,), `nan_bin` (w,).
    """

    edges: F32
    offsets: I32
    nan_bin: I32


# --- features to scores -------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Forest(Op):
    """What both tree ops share: leaves that hold integers for some of the op's output columns.

    Tree t writes the columns `targets[target_offsets[t]:target_offsets[t + 1]]`, k of them. Its leaf number l holds
    `leaves[leaf_offsets[t] + l * k :][:k]`. The output column j of a row is
    `float32(sum over trees) * scale[j] + bias[j]`, the sum in int32.

    One target a tree is a constant leaf; a tree for each class, or a vector leaf, names several; a *linear* leaf
    has its constant in one column and its slopes in others, which `Dot` then multiplies with the features.

    Attributes:
        leaves: int8, int16 or int32, shape (leaf_offsets[-1],).
        leaf_offsets: shape (trees + 1,).
        targets: shape (target_offsets[-1],), each tree's ascending.
        target_offsets: shape (trees + 1,).
        scale: shape (width,).
        bias: shape (width,).
    """

    leaves: Ints
    leaf_offsets: I32
    targets: I32
    target_offsets: I32
    scale: F32
    bias: F32


@dataclass(frozen=True, eq=False)
class ObliviousTrees(Forest):
    """Bins (n, w) -> float (n, width): trees that ask one question for each level.

    Tree t of depth d has the splits `split_offsets[t]:split_offsets[t + 1]`, d of them. Level i sets bit i of the
    leaf number where `x[split_feature] > split_bin`.
    """

    split_feature: I32
    split_bin: Bins
    split_offsets: I32


@dataclass(frozen=True, eq=False)
class RaggedTrees(Forest):
    """Float (n, w) -> float (n, width): trees of any shape.

    At node i a row goes left where `x[feature[i]] <= threshold[i]`, right where it is above, and where it is NaN
    left if `nan_left[i]`. A child that is negative is the leaf number `~child` of its tree. `roots[t]` is tree t's
    first node, or negative for a tree of one leaf. Children have greater numbers than their parent.
    """

    feature: I32
    threshold: F32
    left: I32
    right: I32
    nan_left: NDArray[np.bool_]
    roots: I32


@dataclass(frozen=True, eq=False)
class TableSum(Op):
    """Bins (n, w) -> float (n, width): an additive model. Each term is a table over one bin column, or over a pair.

    Term m reads the columns `terms[m] = (a, b)`, b = -1 for a single one, at position `x_a`, or
    `x_a * strides[m] + x_b`, of its table: the rows `offsets[m]:offsets[m + 1]` of `values`. The output column j is
    `float32(sum over terms) * scale[j] + bias[j]`, the sum in int32.

    Attributes:
        terms: shape (m, 2).
        strides: levels of b, 1 for a single column; shape (m,).
        offsets: shape (m + 1,).
        values: int8, int16 or int32, shape (offsets[-1], width).
        scale: shape (width,).
        bias: shape (width,).
    """

    terms: I32
    strides: I32
    offsets: I32
    values: Ints
    scale: F32
    bias: F32


@dataclass(frozen=True, eq=False)
class Dense(Op):
    """Float (n, w) -> float (n, k): `activation(((bias + x_0 w_0) + x_1 w_1) + ...)`, summed in that order.

    `weight` has shape (w, k), `bias` (k,).
    """

    weight: F32
    bias: F32
    activation: Activation


@dataclass(frozen=True, eq=False)
class Dot(Op):
    """Floats a (n, 1 + w) and z (n, w) -> float (n, 1): `((a_0 + a_1 z_0) + a_2 z_1) + ...`.

    The second half of linear leaves: a holds the summed constant and slopes, z the features that they multiply.
    """


@dataclass(frozen=True, eq=False)
class Blend(Op):
    """Floats (n, k), one for each of `weights` -> float (n, k): `((bias + v_0 x_0) + v_1 x_1) + ...`.

    Averages the members of an ensemble; with one input it is a temperature. `weights` (inputs,), `bias` (k,).
    """

    weights: F32
    bias: F32


# --- scores to answers --------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Link(Op):
    """Scores to probabilities, or to positive numbers.

    SIGMOID: (n, 1) -> (n, 2), `p = 1 / (1 + exp(-x))`, columns `1 - p` and `p`.
    SOFTMAX: (n, k) -> (n, k), `exp(x_j - max x) / sum`, summed in order of j.
    EXPONENTIAL: (n, k) -> (n, k), `exp(x_j)`: from logarithms to numbers. Below -87 and above 88 it is that of these.
    `exp` is `exp32.exp32`; engines with their own exponential may differ by a few units in the last place.
    """

    kind: LinkKind


@dataclass(frozen=True, eq=False)
class Label(Op):
    """Probabilities (n, k) -> label (n,): the class of the greatest probability, the first of equals.

    With a `threshold` (two classes only): the second class where its probability is above it, else the first.
    `classes` are all strings, all integers or all booleans.
    """

    classes: tuple[str, ...] | tuple[int, ...] | tuple[bool, ...]
    threshold: float | None


OPS: Final[dict[str, type[Op]]] = {
    op.__name__: op
    for op in (
        Rescale,
        DatePart,
        Encode,
        TextCount,
        TokenScore,
        Cross,
        Lookup,
        Arithmetic,
        WithConstant,
        Impute,
        Clip,
        Concat,
        Bin,
        ObliviousTrees,
        RaggedTrees,
        TableSum,
        Dense,
        Dot,
        Blend,
        Link,
        Label,
    )
}
