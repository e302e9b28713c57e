"""Trees as their libraries tell them, and their lowering to `RaggedTrees`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from lean_automl_runtime.ir import ops as o

from lean_automl.compiler.foreign.categories import number_codes
from lean_automl.compiler.foreign.features import Feature, Intervals, Levels, Number, column_of, number_values
from lean_automl.compiler.foreign.thresholds import raw_tests, wide_tests
from lean_automl.compiler.foreign.tree_input import ZERO, TreeInput
from lean_automl.compiler.trees import INT32_MAX, RaggedTree, ragged_op
from lean_automl.errors import UnsupportedOpError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lean_automl_runtime.ir import ProgramBuilder
    from numpy.typing import NDArray

MOST_CODES: Final = 60_000


@dataclass(frozen=True)
class CategorySet:
    """A test for membership: members go left or right, every other number goes the other way, NaN as the node says."""

    members: frozenset[int]
    members_left: bool


@dataclass(frozen=True, eq=False)
class SourceTree:
    """A tree over the columns of the model's matrix. A row goes left where a test holds.

    Attributes:
        feature: Matrix columns, shape (nodes,).
        threshold: float64; of category tests, anything.
        left: Child, or `~leaf`.
        right: Child, or `~leaf`.
        nan_left: Where NaN goes.
        leaves: float64, shape (leaves, targets).
        targets: Output columns.
        sets: Category tests by node.
        zero_is_nan: Whether a node takes zeros for NaN.
        equal: By node, the numbers that a value must equal one of, where that is the test.
    """

    feature: NDArray[np.int32]
    threshold: NDArray[np.float64]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    nan_left: NDArray[np.bool_]
    leaves: NDArray[np.float64]
    targets: tuple[int, ...]
    sets: Mapping[int, CategorySet] = field(default_factory=dict)
    zero_is_nan: NDArray[np.bool_] | None = None
    equal: Mapping[int, tuple[float, ...]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class ForestModel:
    """Trees whose leaves add up, or are averaged.

    Attributes:
        trees: In order.
        features: What the matrix columns are.
        bias: Added to the sum, shape (outputs,).
        strict: Whether a test is `value < threshold` instead of `<=`.
        averaged: Whether the scores are the mean of the leaves; then leaves that are equal stay equal, so that ties
            between classes are ties in the Program.
        tie: Of averaged scores, the value at which two classes are equal, which the Program must hold exactly.
        casts: Whether the model rounds its input to float32, so that a float64 raw column may be rounded too.
        of_doubles: Whether thresholds are float64 values of training rows, not numbers between two of them.
        zero_code: Lowest number that is category 0 once truncated: numbers from there up to 1 are.
        marker: A number that stands for a missing value; None where NaN alone does.
    """

    trees: tuple[SourceTree, ...]
    features: tuple[Feature, ...]
    bias: NDArray[np.float64]
    strict: bool = False
    averaged: bool = False
    tie: float | None = None
    casts: bool = False
    of_doubles: bool = False
    zero_code: float = 0.0
    marker: float | None = None

    @property
    def used(self) -> list[Feature]:
        """Features that some test reads."""
        numbers = np.unique(np.concatenate([[], *(tree.feature for tree in self.trees)])).astype(int)
        return [self.features[number] for number in numbers]

    def lower(self, builder: ProgramBuilder) -> int:
        """Value number of the scores, float32 (n, outputs)."""
        matrix = TreeInput()
        tests = _Tests(self, matrix, {c.name for c in builder.columns if c.dtype == "float64"})
        trees = tests.trees()
        source, position = matrix.emit(builder)
        trees = [replace(tree, feature=position[tree.feature]) for tree in trees]
        if self.averaged:
            return builder.add(mean_op(source, trees, self.bias.size, self.tie))
        return builder.add(ragged_op(source, trees, self.bias, 32))


class _Tests:
    """The nodes of all trees side by side, turned into tests of float32 columns."""

    def __init__(self, model: ForestModel, matrix: TreeInput, wide: set[str]) -> None:
        self._model = model
        self._matrix = matrix
        self._wide = wide
        trees = model.trees
        self._start = np.concatenate([[0], np.cumsum([tree.feature.size for tree in trees])]).astype(int)
        self._feature = _joined([tree.feature for tree in trees], np.int32)
        self._threshold = _joined([tree.threshold for tree in trees], np.float64)
        self._nan_left = _joined([tree.nan_left for tree in trees], np.bool_)
        zeros = [np.zeros(t.feature.size, bool) if t.zero_is_nan is None else t.zero_is_nan for t in trees]
        self._zero_is_nan = _joined(zeros, np.bool_)
        starts = [(int(start), tree) for start, tree in zip(self._start, trees, strict=False)]
        self._sets = {start + node: own for start, tree in starts for node, own in tree.sets.items()}
        self._equal = {start + node: own for start, tree in starts for node, own in tree.equal.items()}
        self._carrier = np.zeros(self._feature.size, dtype=np.int32)
        self._raw = np.zeros(self._feature.size, dtype=np.float32)

    def trees(self) -> list[RaggedTree]:
        """The trees over the numbers of `TreeInput`."""
        by_set, equal = (np.zeros(self._feature.size, dtype=bool) for _ in range(2))
        by_set[list(self._sets)] = True
        equal[list(self._equal)] = True
        for number in np.unique(self._feature):
            feature = self._model.features[number]
            own = self._feature == number
            self._category_tests(feature, np.flatnonzero(own & by_set))
            self._equality_tests(feature, np.flatnonzero(own & equal))
            nodes = np.flatnonzero(own & ~by_set & ~equal)
            if self._model.marker is not None and (isinstance(feature, Levels) or (own & by_set).any()):
                raise UnsupportedOpError(
                    f"missing={self._model.marker!r} with column {column_of(feature)!r}, which holds categories, is "
                    "not supported: mark missing values with NaN"
                )
            if isinstance(feature, Levels):
                self._level_tests(feature, nodes)
            elif feature.column in self._wide and (feature.steps or not self._model.casts):
                self._wide_tests(feature, nodes)
            else:
                self._number_tests(feature, nodes)
        return [self._tree(number, tree) for number, tree in enumerate(self._model.trees)]

    def _tree(self, number: int, tree: SourceTree) -> RaggedTree:
        own = slice(self._start[number], self._start[number + 1])
        return RaggedTree(
            feature=self._carrier[own],
            threshold=self._raw[own],
            left=tree.left,
            right=tree.right,
            nan_left=self._nan_left[own],
            leaves=tree.leaves,
            targets=tree.targets,
        )

    def _number_tests(self, feature: Number, nodes: NDArray[np.intp]) -> None:
        if not nodes.size:
            return
        tests = raw_tests(feature, self._threshold[nodes], self._model.strict, self._model.of_doubles)
        if tests.nan_passes is not None:
            self._nan_left[nodes] = tests.nan_passes
        self._raw[nodes] = tests.threshold
        zero, marker = self._zero_is_nan[nodes], self._model.marker
        if feature.steps and (zero.any() or marker is not None):
            what = "zero_as_missing" if marker is None else f"missing={marker!r}"
            raise UnsupportedOpError(
                f"{what} of column {feature.column!r}, which is computed with before, is not supported: train without"
            )
        if zero.any():
            self._carrier[nodes[zero]] = self._matrix.zero_is_nan(feature.column)
        if not zero.all():
            matrix, column = self._matrix, feature.column
            plain = matrix.raw(column) if marker is None else matrix.marker_is_nan(column, marker)
            self._carrier[nodes[~zero]] = plain
        for node in nodes[tests.never]:
            self._indicator(node, Intervals(feature.column, ()), np.array([False, self._nan_left[node]]))

    def _wide_tests(self, feature: Number, nodes: NDArray[np.intp]) -> None:
        """A float64 column: each threshold is subtracted in float64, and the sign is tested."""
        if self._zero_is_nan[nodes].any() or self._model.marker is not None:
            raise UnsupportedOpError(
                f"column {feature.column!r} is declared float64, which trees can read only where NaN alone stands for "
                "a missing value. Declare it float32."
            )
        tests = wide_tests(feature, self._threshold[nodes], self._model.strict)
        if tests.nan_passes is not None:
            self._nan_left[nodes] = tests.nan_passes
        for node, threshold, never in zip(nodes, tests.threshold, tests.never, strict=True):
            if never:
                self._indicator(node, Intervals(feature.column, ()), np.array([False, self._nan_left[node]]))
            else:
                self._carrier[node] = self._matrix.wide(feature.column, float(threshold))

    def _level_tests(self, feature: Levels, nodes: NDArray[np.intp]) -> None:
        """Values become their ranks, which float32 holds exactly."""
        side: Literal["left", "right"] = "left" if self._model.strict else "right"
        for zero in (False, True):
            own = nodes[self._zero_is_nan[nodes] == zero]
            if not own.size:
                continue
            values = np.array(feature.values)
            values[zero & (np.abs(values) <= np.float64(ZERO))] = np.nan
            known = np.unique(values[~np.isnan(values)])
            ranks = np.where(np.isnan(values), np.nan, np.searchsorted(known, values))
            self._carrier[own] = self._matrix.table(feature.coding, ranks)
            self._raw[own] = np.searchsorted(known, self._threshold[own], side=side) - 0.5

    def _category_tests(self, feature: Feature, nodes: NDArray[np.intp]) -> None:
        if not nodes.size:
            return
        levels = feature if isinstance(feature, Levels) else self._codes(feature, nodes)
        values = np.array(levels.values)
        coded = ~np.isnan(values) & (values >= self._model.zero_code)
        whole = np.where(coded, np.trunc(values), -1).astype(np.int64)
        for node in nodes:
            own = self._sets[int(node)]
            member = np.isin(whole, list(own.members))
            left = member if own.members_left else ~member
            self._indicator(node, levels.coding, np.where(np.isnan(values), self._nan_left[node], left))

    def _equality_tests(self, feature: Feature, nodes: NDArray[np.intp]) -> None:
        for node in nodes:
            wanted = np.array(self._equal[int(node)])
            if isinstance(feature, Levels):
                values = np.array(feature.values)
                left = np.where(np.isnan(values), self._nan_left[node], np.isin(values, wanted))
                self._indicator(node, feature.coding, left)
                continue
            coding, codes = number_codes(feature, wanted)
            left = np.isin(np.arange(coding.levels), codes)
            filled = number_values(feature, np.array([np.nan]))[0]
            left[-1] = self._nan_left[node] if np.isnan(filled) else filled in wanted
            self._indicator(node, coding, left)

    def _codes(self, feature: Number, nodes: NDArray[np.intp]) -> Levels:
        """A numeric column of category codes, cut where the codes begin."""
        if feature.steps or feature.column in self._wide:
            raise UnsupportedOpError(
                f"column {feature.column!r} holds category codes, which must be a float32 column as it is"
            )
        top = max(max((0, *self._sets[int(node)].members)) for node in nodes) + 1
        if top > MOST_CODES:
            raise UnsupportedOpError(
                f"column {feature.column!r} has category codes up to {top - 1:,}, more than the {MOST_CODES:,} that a "
                "Program can tabulate. Number its categories from 0 and train again."
            )
        starts = np.arange(1, top + 1, dtype=np.float32)
        zero = np.float32(self._model.zero_code)
        edges = np.nextafter(np.concatenate([[zero], starts]).astype(np.float32), np.float32(-np.inf))
        return Levels(Intervals(feature.column, tuple(edges.tolist())), (-1.0, *map(float, range(top + 1)), np.nan))

    def _indicator(self, node: int | np.intp, coding: object, left: NDArray[np.bool_]) -> None:
        self._carrier[node] = self._matrix.table(coding, np.where(left, 0.0, 1.0))  # type: ignore[arg-type]
        self._raw[node] = 0.5


def mean_op(source: int, trees: Sequence[RaggedTree], outputs: int, middle: float | None) -> o.RaggedTrees:
    """Trees whose leaves are averaged.

    Args:
        source: Value number of the matrix.
        trees: The trees.
        outputs: Output columns; they have one scale, so that ties between columns stay ties.
        middle: What the integers are relative to, which the Program then holds exactly; None chooses.
    """
    op = ragged_op(source, trees, np.zeros(outputs), 32)
    every = np.concatenate([tree.leaves.ravel() for tree in trees])
    middle = float(every.max() + every.min()) / 2 if middle is None else middle
    top = max(float(np.abs(every - middle).max()), float(np.finfo(np.float32).tiny))
    unit = top * len(trees) / (INT32_MAX - len(trees) - 1)
    scale = np.nextafter(np.float32(unit), np.float32(np.inf))
    leaves = np.concatenate([np.rint((tree.leaves - middle) / np.float64(scale)).ravel() for tree in trees])
    own = np.full(outputs, np.float32(np.float64(scale) / len(trees)))
    return replace(op, leaves=leaves.astype(np.int32), scale=own, bias=np.full(outputs, np.float32(middle)))


def _joined(parts: Sequence[NDArray[Any]], dtype: type) -> NDArray[Any]:
    return np.concatenate(parts).astype(dtype) if parts else np.empty(0, dtype=dtype)
