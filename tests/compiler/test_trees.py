import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lean_automl.compiler.bins import CategoryBins, NumericBins, compact
from lean_automl.compiler.trees import (
    ObliviousTree,
    RaggedTree,
    float32_below,
    float32_strictly_below,
    integer_leaves,
    oblivious_op,
    ragged_op,
)

floats32 = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(floats32, st.floats(allow_nan=False, min_value=-1e30, max_value=1e30))
def test_a_float32_threshold_splits_as_the_float64_one(value: float, threshold: float) -> None:
    x = np.float32(value)
    assert (x <= float32_below(threshold)) == (float(x) <= threshold)
    assert (x <= float32_strictly_below(threshold)) == (float(x) < threshold)


@given(floats32)
def test_thresholds_next_to_a_value(value: float) -> None:
    x = np.float64(np.float32(value))
    for threshold in (x, np.nextafter(x, -np.inf), np.nextafter(x, np.inf)):
        for probe in (np.float32(x), np.nextafter(np.float32(x), np.float32(np.inf))):
            if np.isfinite(probe):
                assert (probe <= float32_below(threshold)) == (float(probe) <= threshold)
                assert (probe <= float32_strictly_below(threshold)) == (float(probe) < threshold)


def random_trees(rng: np.random.Generator, count: int, width: int) -> list[ObliviousTree]:
    trees = []
    for _ in range(count):
        depth = int(rng.integers(0, 5))
        targets = tuple(sorted(rng.choice(width, size=rng.integers(1, width + 1), replace=False).tolist()))
        leaves = rng.normal(size=(2**depth, len(targets))) * 10.0 ** rng.integers(-3, 3)
        trees.append(ObliviousTree(rng.integers(0, 6, depth), rng.integers(0, 20, depth), leaves, targets))
    return trees


@pytest.mark.parametrize("bits", [16, 32])
def test_integer_leaves_are_within_half_a_unit_of_the_float_ones(bits: int) -> None:
    rng = np.random.default_rng(bits)
    trees = random_trees(rng, 40, 3)
    integers, scale, shift = integer_leaves(trees, 3, bits)
    centres = np.zeros(3)
    for tree, own in zip(trees, integers, strict=True):
        columns = list(tree.targets)
        middle = (tree.leaves.max(axis=0) + tree.leaves.min(axis=0)) / 2
        centres[columns] += middle
        assert np.abs(own * scale[columns].astype(np.float64) - (tree.leaves - middle)).max() <= 0.51 * scale.max()
    np.testing.assert_allclose(shift, centres)
    totals = np.zeros(3, dtype=np.int64)
    for tree, own in zip(trees, integers, strict=True):
        totals[list(tree.targets)] += np.abs(own.astype(np.int64)).max(axis=0)
    assert totals.max() < 2**31


def test_constant_trees_and_no_trees_make_valid_ops() -> None:
    zero = ObliviousTree(np.empty(0, np.int64), np.empty(0, np.int64), np.zeros((1, 1)), (0,))
    assert oblivious_op(0, [zero, zero], np.array([1.5]), 16).bias.tolist() == [1.5]
    assert oblivious_op(0, [], np.array([1.5]), 16).leaves.size == 0
    empty = np.empty(0, np.int32)
    leaf = RaggedTree(empty, empty.astype(np.float32), empty, empty, empty.astype(bool), np.array([[2.0]]), (0,))
    op = ragged_op(0, [leaf], np.zeros(1), 32)
    assert op.roots.tolist() == [-1]
    assert float(op.bias[0]) == 2.0


def leaf_number(tree: ObliviousTree, bins: np.ndarray) -> int:
    return sum(int(bins[f] > s) << level for level, (f, s) in enumerate(zip(tree.feature, tree.split, strict=True)))


@given(st.integers(0, 2**32 - 1))
def test_compact_bins_send_every_row_to_the_same_leaf(seed: int) -> None:
    rng = np.random.default_rng(seed)
    edges = [np.unique(rng.normal(size=rng.integers(1, 20)).astype(np.float32)) for _ in range(4)]
    columns: list = [NumericBins(i, own, own.size + 1 if rng.random() < 0.5 else 0) for i, own in enumerate(edges)] + [
        CategoryBins(j, rng.integers(0, 20, 9)) for j in range(2)
    ]
    trees = [
        ObliviousTree(rng.integers(0, 6, 3), rng.integers(0, 20, 3), rng.normal(size=(8, 1)), (0,)) for _ in range(5)
    ]
    moved, kept = compact(trees, columns)
    for _ in range(20):
        values = rng.normal(size=4).astype(np.float32)
        values[rng.random(4) < 0.2] = np.nan
        codes = rng.integers(0, 9, 2)

        def bin_of(column: NumericBins | CategoryBins, values: np.ndarray = values, codes: np.ndarray = codes) -> int:
            if isinstance(column, CategoryBins):
                return int(column.bins[codes[column.feature]])
            x = values[column.feature]
            return column.nan_bin if np.isnan(x) else int(np.searchsorted(column.edges, x, side="left"))

        before = np.array([bin_of(column) for column in columns])
        after = np.array([bin_of(column) for column in kept])
        for old, new in zip(trees, moved, strict=True):
            assert leaf_number(old, before) == leaf_number(new, after)
