"""What each exact pass makes of a small Program."""

from __future__ import annotations

import numpy as np
import pytest
from conformance.compare import assert_same
from conformance.programs import hostile_inputs
from lean_automl_runtime.ir import Program
from lean_automl_runtime.ir import ops as o
from lean_automl_runtime.reference import evaluate
from small import A, B, C, Small, f32, oblivious, ragged, the

from lean_automl.compiler.passes.base import Pass
from lean_automl.compiler.passes.drop_columns import DropColumns
from lean_automl.compiler.passes.fold_bins import FoldBins
from lean_automl.compiler.passes.fold_fills import FoldFills
from lean_automl.compiler.passes.fold_tables import FoldTables
from lean_automl.compiler.passes.merge_codes import MergeCodes
from lean_automl.compiler.passes.merge_duplicates import MergeDuplicates
from lean_automl.compiler.passes.merge_terms import MergeTerms
from lean_automl.compiler.passes.merge_trees import MergeTrees
from lean_automl.compiler.passes.pad_trees import PadTrees
from lean_automl.compiler.passes.rank_thresholds import RankThresholds
from lean_automl.compiler.passes.share_levels import ShareLevels
from lean_automl.compiler.passes.simplify_oblivious import SimplifyOblivious
from lean_automl.compiler.passes.simplify_ragged import SimplifyRagged


def after(each: Pass, small: Small, prediction: int) -> Program:
    """The Program after the pass, which gives the same."""
    program = small.build(prediction)
    changed = each.run(program)
    rows = hostile_inputs(program, np.random.default_rng(0), 150)
    assert_same(evaluate(program, rows), evaluate(changed, rows))
    return changed


def table(small: Small, *values: float) -> int:
    """A table for the categories x and y."""
    return small.add(o.Lookup((small.code("x", "y"),), f32(*values)[:, None]))


def test_arithmetic_on_tables_of_one_code_is_done_once() -> None:
    small = Small()
    filled = small.add(o.Impute((table(small, np.nan, 1, 2, 3),), f32(9)))
    halved = small.add(o.Blend((filled,), f32(0.5), f32(1)))
    other = table(small, 5, 6, 7, 8)
    program = after(FoldTables(), small, small.add(o.Arithmetic((halved, other), o.ArithmeticKind.SUBTRACT)))
    for _ in range(2):
        program = FoldTables().run(program)
    assert the(program, o.Lookup).table[:, 0].tolist() == [0.5, -4.5, -5, -5.5]
    assert len(program.ops) == 2


def test_a_table_that_something_else_reads_stays() -> None:
    small = Small()
    read_twice = table(small, np.nan, 1, 2, 3)
    filled = small.add(o.Impute((read_twice,), f32(9)))
    program = after(FoldTables(), small, small.add(o.Arithmetic((filled, read_twice), o.ArithmeticKind.ADD)))
    assert sum(isinstance(op, o.Impute) for op in program.ops) == 1


@pytest.mark.parametrize("fill", [-5.0, 1.0, 3.0, np.nan])
def test_a_fill_before_bins_is_the_bin_of_nan(fill: float) -> None:
    small = Small()
    filled = small.add(o.Impute((A,), f32(fill)))
    bins = small.bins(small.matrix(B, filled), (0.0,), (1.0, 2.0), nan=(0, 5))
    program = after(FoldFills(), small, small.add(oblivious(bins, ([(1, 0), (1, 1)], [1, 2, 3, 4]))))
    assert not any(isinstance(op, o.Impute) for op in program.ops)
    expected = {-5.0: 0, 1.0: 0, 3.0: 2}.get(fill, 5)
    assert the(program, o.Bin).nan_bin.tolist() == [0, expected]


def test_a_fill_before_ragged_trees_is_a_direction() -> None:
    small = Small()
    filled = small.add(o.Impute((small.matrix(A, B),), f32(1, 7)))
    trees = ragged(filled, ([(0, 1.0, 1, -3), (1, 6.5, -1, -2)], [1, 2, 3]))
    program = after(FoldFills(), small, small.add(trees))
    assert the(program, o.RaggedTrees).nan_left.tolist() == [True, False]
    assert not any(isinstance(op, o.Impute) for op in program.ops)


def test_tables_before_bins_hold_bins() -> None:
    small = Small()
    source = small.matrix(A, table(small, np.nan, 0.5, 1.5, 2.5), B)
    bins = small.bins(source, (0.0,), (1.0, 2.0), (5.0,), nan=(1, 2, 0))
    program = after(FoldBins(), small, small.add(oblivious(bins, ([(0, 0), (1, 1), (2, 0)], list(range(8))))))
    assert the(program, o.Lookup).table.tolist() == [[2], [0], [1], [2]]
    assert the(program, o.Lookup).table.dtype == np.uint8
    assert the(program, o.Bin).edges.tolist() == [0.0, 5.0]
    assert the(program, o.ObliviousTrees).split_feature.tolist() == [0, 2, 1]


def test_tables_over_bins_that_became_a_table_hold_what_occurs() -> None:
    small = Small()
    bins = small.bins(table(small, 0.5, 1.5, 0.7, 1.2), (1.0, 2.0, 3.0, 4.0), nan=(0,))  # of 5 levels 2 occur
    again = small.add(o.Lookup((bins,), f32(0.0, 5.0, 9.0, 9.0, 9.0)[:, None]))
    trees = oblivious(small.bins(again, (2.0, 7.0), nan=(0,)), ([(0, 0), (0, 1)], [1, 2, 3, 4]))
    program = after(FoldBins(), small, small.add(trees))
    tables = [op.table[:, 0].tolist() for op in program.ops if isinstance(op, o.Lookup)]
    assert tables == [[0, 1, 0, 1], [0, 1]]
    assert not any(isinstance(op, o.Bin) for op in program.ops)


def test_tables_of_ragged_trees_hold_ranks() -> None:
    small = Small()
    source = small.matrix(A, table(small, 0.31, 0.12, 0.77, 0.55))
    trees = ragged(
        source,
        ([(1, 0.4, 1, 2), (0, 1.5, -1, -2), (1, 0.6, -3, -4)], [1, 2, 3, 4]),
        ([(1, 0.45, -1, -2)], [5, 6]),
    )
    program = after(RankThresholds(), small, small.add(trees))
    assert the(program, o.Lookup).table[:, 0].tolist() == [0, 0, 2, 1]
    assert the(program, o.RaggedTrees).threshold.tolist() == [0, 1.5, 1, 0]  # 0.4 and 0.45 part the same numbers


def test_questions_that_do_not_matter_are_not_asked() -> None:
    small = Small()
    bins = small.bins(small.matrix(A, B), (0.0, 1.0, 2.0), (5.0,), nan=(3, 0))
    trees = oblivious(
        bins,
        ([(1, 0), (0, 2), (0, 0)], [1, 2, 90, 91, 3, 4, 5, 6]),  # above edge 2 and not above edge 0: no row
        ([(0, 1), (0, 1)], [7, 90, 91, 8]),  # asked twice
        ([(1, 3), (0, 0)], [1, 90, 2, 91]),  # above every bin: never
        ([(1, 0), (0, 0)], [1, 1, 2, 2]),  # no leaf depends on column 1
    )
    op = the(after(SimplifyOblivious(), small, small.add(trees)), o.ObliviousTrees)
    assert np.diff(op.split_offsets).tolist() == [3, 1, 1, 1]
    assert list(zip(op.split_feature.tolist(), op.split_bin.tolist(), strict=True)) == [
        *((0, 0), (0, 2), (1, 0)),
        *((0, 1), (0, 0), (0, 0)),
    ]
    assert op.leaves.tolist() == [1, 3, 0, 5, 2, 4, 0, 6, 7, 8, 1, 2, 1, 2]


def test_a_tree_goes_into_one_that_asks_the_same_and_more() -> None:
    small = Small()
    bins = small.bins(small.matrix(A, B), (0.0, 1.0), (5.0,), nan=(3, 0))
    trees = oblivious(
        bins,
        ([(0, 0), (1, 0)], [10, 20, 30, 40]),
        ([(1, 0)], [1, 2]),
        ([], [100]),
        ([(1, 0), (0, 0)], [0, 5, 0, 5]),
        ([(0, 1)], [1, 2]),
        ([(0, 0)], [0, 0]),
    )
    op = the(after(MergeTrees(), small, small.add(trees)), o.ObliviousTrees)
    assert np.diff(op.split_offsets).tolist() == [2, 1]
    assert op.leaves.tolist() == [111, 137, 121, 147, 1, 2]


def test_a_tree_stays_where_its_sum_would_not_fit() -> None:
    small = Small()
    bins = small.bins(A, (0.0,), nan=(0,))
    trees = oblivious(bins, ([(0, 0)], [30_000, -30_000]), ([(0, 0)], [30_000, -30_000]))
    op = the(after(MergeTrees(), small, small.add(trees)), o.ObliviousTrees)
    assert op.split_offsets.size == 3


def test_equal_ragged_trees_and_constants_are_added_up() -> None:
    small = Small()
    nodes = [(0, 1.0, 1, -3), (1, 2.0, -1, -2)]
    trees = ragged(
        small.matrix(A, B), (nodes, [1, 2, 3]), ([], [100]), (nodes, [10, 20, 30]), ([(0, 5.0, -1, -2)], [0, 0])
    )
    op = the(after(MergeTrees(), small, small.add(trees)), o.RaggedTrees)
    assert op.leaves.tolist() in ([111, 122, 133, 0, 0], [11, 22, 33, 100, 100])


def test_nodes_whose_answer_is_known_go() -> None:
    small = Small()
    tree = (
        [(0, 1.0, 1, 3), (0, 2.0, 2, -1), (1, 0.0, -2, -3), (0, 0.5, -4, 4), (1, 3.0, -5, -5)],
        [90, 1, 2, 91, 5, 92],
    )
    op = the(after(SimplifyRagged(), small, small.add(ragged(small.matrix(A, B), tree))), o.RaggedTrees)
    assert op.feature.tolist() == [0, 1]
    assert op.leaves.tolist() == [1, 2, 5]


def test_a_number_outside_a_table_is_not_asked_for() -> None:
    small = Small()
    source = small.matrix(A, table(small, 1, 2, 3, 4))
    tree = ([(1, 0.5, 1, 2), (0, 0.0, -1, -2), (1, 3.5, -3, -4)], [90, 91, 1, 2])
    op = the(after(SimplifyRagged(), small, small.add(ragged(source, tree))), o.RaggedTrees)
    assert op.threshold.tolist() == [3.5]


def test_bins_and_categories_that_nothing_tells_apart_are_one() -> None:
    small = Small()
    code = small.code("x", "y", "z")
    kinds = small.add(o.Lookup((code,), np.array([[9], [4], [4], [7], [9]], dtype=np.uint8)))
    bins = small.matrix(small.bins(A, (0.0, 1.0, 2.0, 3.0), nan=(9,)), kinds)
    trees = oblivious(bins, ([(0, 1), (1, 6)], [1, 2, 3, 4]), ([(0, 3)], [5, 6]))
    program = after(ShareLevels(), small, small.add(trees))
    assert the(program, o.Encode).categories == ("y", "z")  # x is like a category that was never seen
    assert the(program, o.Lookup).table[:, 0].tolist() == [1, 0, 1, 1]
    assert the(program, o.Bin).edges.tolist() == [1.0, 3.0]
    assert the(program, o.Bin).nan_bin.tolist() == [2]
    assert the(program, o.ObliviousTrees).split_bin.tolist() == [0, 0, 1]


def test_categories_stay_apart_where_a_cross_needs_them() -> None:
    small = Small()
    code, other = small.code("x", "y", "z"), small.bins(A, (0.0, 1.0), nan=(0,))
    crossed = small.add(o.Cross((code, other), 3))
    values = np.zeros((5, 3), dtype=np.float32)
    values[2, 1] = 1.0  # only x and the middle bin
    program = after(ShareLevels(), small, small.add(o.Lookup((crossed,), values.reshape(-1, 1))))
    assert the(program, o.Encode).categories == ("x",)
    assert the(program, o.Bin).edges.size == 2
    assert the(program, o.Lookup).table.shape == (9, 1)


def test_terms_over_one_column_are_added_up() -> None:
    small = Small()
    bins = small.matrix(small.bins(A, (0.0,), nan=(0,)), small.bins(B, (1.0,), nan=(0,)))
    pair, first, second = [1, 2, 3, 4], [10, 20], [100, 200]
    op = o.TableSum(
        (bins,),
        terms=np.array([[0, -1], [0, 1], [1, -1], [1, 0], [0, -1]], dtype=np.int32),
        strides=np.array([1, 2, 1, 2, 1], dtype=np.int32),
        offsets=np.array([0, 2, 6, 8, 12, 14], dtype=np.int32),
        values=np.array([*first, *pair, *second, 0, 1000, 0, 0, 0, 0], dtype=np.int16)[:, None],
        scale=f32(0.5),
        bias=f32(0),
    )
    merged = the(after(MergeTerms(), small, small.add(op)), o.TableSum)
    assert merged.terms.tolist() == [[0, 1]]
    assert merged.values[:, 0].tolist() == [111, 212, 1123, 224]


def test_tables_over_what_one_code_was_looked_up_as_become_one() -> None:
    small = Small()
    code, other = small.code("x", "y", "z"), small.bins(A, (0.0,), nan=(0,))
    first = small.add(o.Lookup((code,), np.array([[0], [0], [1], [1], [2]], dtype=np.uint8)))
    second = small.add(o.Lookup((code,), np.array([[1], [1], [0], [1], [0]], dtype=np.uint8)))
    op = o.TableSum(
        (small.matrix(first, other, second),),
        terms=np.array([[0, -1], [1, -1], [2, -1]], dtype=np.int32),
        strides=np.ones(3, dtype=np.int32),
        offsets=np.array([0, 3, 5, 7], dtype=np.int32),
        values=np.array([1, 2, 3, 1000, 2000, 10, 20], dtype=np.int16)[:, None],
        scale=f32(0.5),
        bias=f32(0),
    )
    program = after(MergeCodes(), small, small.add(op))
    merged = the(program, o.TableSum)
    assert merged.terms.shape == (2, 2)
    rows = merged.values[merged.offsets[1] : merged.offsets[2], 0]
    tables = [found.table for found in program.ops if isinstance(found, o.Lookup)]
    assert rows[tables[-1][:, 0]].tolist() == [21, 21, 12, 22, 13]
    assert merged.values.nbytes < op.values.nbytes


def test_they_stay_apart_where_sums_need_wider_numbers() -> None:
    small = Small()
    code = small.code("x")
    columns = [small.add(o.Lookup((code,), np.array([[0], [1], own], dtype=np.uint8))) for own in ([0], [1])]
    op = o.TableSum(
        (small.matrix(*columns),),
        terms=np.array([[0, -1], [1, -1]], dtype=np.int32),
        strides=np.ones(2, dtype=np.int32),
        offsets=np.array([0, 2, 4], dtype=np.int32),
        values=np.array([0, 30_000, 0, 30_000], dtype=np.int16)[:, None],
        scale=f32(0.5),
        bias=f32(0),
    )
    program = small.build(small.add(op))
    assert MergeCodes().run(program) is program


def test_columns_that_nothing_reads_are_not_made() -> None:
    small = Small()
    filled = small.add(o.Impute((small.matrix(A, B, C),), f32(1, 2, 3)))
    limited = small.add(o.Clip((filled,), f32(0, 0, 0), f32(5, 6, 7)))
    trees = ragged(limited, ([(2, 1.0, 1, -3), (0, 2.0, -1, -2)], [1, 2, 3]))
    program = after(DropColumns(), small, small.add(trees))
    assert the(program, o.Concat).inputs == (A, C)
    assert the(program, o.Impute).fill.tolist() == [1, 3]
    assert the(program, o.Clip).high.tolist() == [5, 7]
    assert the(program, o.RaggedTrees).feature.tolist() == [1, 0]
    assert len(program.columns) == 4


def test_ops_that_do_the_same_are_one() -> None:
    columns = Small().builder.columns
    fills = tuple(o.Impute((A,), f32(1)) for _ in range(3))
    program = Program(columns, (*fills, o.Arithmetic((4, 5), o.ArithmeticKind.ADD)), {"prediction": 7})
    merged = MergeDuplicates().run(program)
    assert [op.name for op in merged.ops] == ["Impute", "Arithmetic"]
    assert merged.ops[1].inputs == (4, 4)
    assert MergeDuplicates().run(merged) is merged


def test_few_shallow_trees_join_many_deeper_ones() -> None:
    small = Small()
    bins = small.bins(small.matrix(A, B), (0.0, 1.0), (5.0,), nan=(3, 0))
    deep = [([(0, 0), (1, 0)], [i, 2, 3, 4]) for i in range(30)]
    shallow = [([(0, 1)], [i, 2]) for i in range(5)]
    op = the(after(PadTrees(), small, small.add(oblivious(bins, *deep, *shallow))), o.ObliviousTrees)
    assert set(np.diff(op.split_offsets).tolist()) == {2}
    alone = Small()
    bins = alone.bins(alone.matrix(A, B), (0.0, 1.0), (5.0,), nan=(3, 0))
    op = the(after(PadTrees(), alone, alone.add(oblivious(bins, *deep[:20], *shallow))), o.ObliviousTrees)
    assert set(np.diff(op.split_offsets).tolist()) == {1, 2}
