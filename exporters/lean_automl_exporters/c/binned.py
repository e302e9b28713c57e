"""Ragged trees over bins: thresholds in a byte each, and leaves where they are pointed at.

Trees of one number a leaf compare `x <= t` with few distinct t for each column. If a column's thresholds are its
edges, then `x <= edge[i]` is `bin <= i`, and a NaN that goes left has bin 0, one that goes right the greatest. A node
then takes four cells: what it asks, the limit, and two children, which are nodes counted from it, or leaves themselves.
A column whose number comes out of a table of categories gets its bin out of such a table.

Binning costs time for each column, so only forests that look at each column often are worth it.
"""

from __future__ import annotations

import bisect
import math
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from lean_automl_runtime.native.block import Table
from lean_automl_runtime.native.plan import Line, Plan
from lean_automl_runtime.native.values import BYTES, FLOATS

from lean_automl_exporters.c.lines import SPARSE, in_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_EDGES: Final = 255
STEPS_A_COLUMN: Final = 8  # steps on the way of a row through all trees that pay for a bin
FLAGS: Final = 4  # two bits beside the column: which children are leaves
CELLS: Final = {"B": (2**8, 2**7), "H": (2**16, 2**15)}
ONE: Final = 0

Key = tuple[int, int]  # a float slot, and whether a NaN goes left


def with_bins(plan: Plan) -> Plan:
    """The plan with its ragged trees over bins where that takes fewer bytes and no more time; else as it is."""
    made = without_lines(plan)
    for line in plan.lines:
        forest = _forest(line) if line.op in ("RAGGED_H", "RAGGED_I") else None
        found = None if forest is None else _binned(forest, line)
        if forest is None or found is None:
            made.lines.append(line)
            continue
        first = made.take(BYTES, len(found.columns))
        _add_bins(made, plan.lines, found.columns, first)
        form = SPARSE if len(found.targets) else ONE
        made.add("RAGGED_B", first, *line.args[2:4], form, line.args[6], found.nodes, found.sizes, found.targets)
    made.lines = _without_unread(made)
    return made


def without_lines(plan: Plan) -> Plan:
    """A plan of the same columns, slots and outputs, which has yet to get its lines."""
    made = Plan(plan.columns)
    made.sizes, made.outputs, made.classes = list(plan.sizes), plan.outputs, plan.classes
    return made


@dataclass(frozen=True)
class _Forest:
    """Trees by nodes: of each, its key, threshold and children.

    Attributes:
        trees: Of each tree, its root, where its leaves start, and its target. Trees of like depth follow one another,
            because several are walked at once until the last has ended.
        names_targets: Whether targets differ.
    """

    keys: list[Key]
    thresholds: Sequence[float]
    children: list[int]
    leaves: list[int]
    trees: list[tuple[int, int, int]]
    names_targets: bool

    def walk(self, root: int) -> list[int]:
        """Nodes of a tree, the left side of each first."""
        found, waiting = [], [root]
        while waiting:
            node = waiting.pop()
            if node >= 0:
                found.append(node)
                waiting += self.children[2 * node + 1], self.children[2 * node]
        return found


@dataclass(frozen=True)
class _Binned:
    """Columns with their edges, and tables of nodes and sizes of trees."""

    columns: dict[Key, list[float]]
    nodes: Table
    sizes: Table
    targets: Table


def _forest(line: Line) -> _Forest | None:
    """The trees of a line; None where a leaf has more than one number."""
    x, _, _, trees, _, k, _, _, features, thresholds, children, roots, leaves, _, targets = line.args
    own = (features, thresholds, children, roots, leaves, targets)
    tables = [table.numbers().tolist() for table in own if isinstance(table, Table)]
    assert isinstance(x, int)
    assert isinstance(trees, int)
    if k != 1 or not tables[0] or any(map(math.isnan, tables[1])):
        return None
    keys = [(x + (f >> 1), f & 1) for f in tables[0]]
    places = zip(tables[3][:trees], tables[3][trees:], tables[5] or [0] * trees, strict=True)
    ordered = sorted(places, key=lambda place: _depth(place[0], tables[2]))
    return _Forest(keys, tables[1], tables[2], tables[4], ordered, bool(tables[5]))


def _binned(forest: _Forest, line: Line) -> _Binned | None:
    """The trees in cells of one or two bytes; None where they do not fit, or are better left as they are."""
    found: dict[Key, set[float]] = {}
    for key, threshold in zip(forest.keys, forest.thresholds, strict=True):
        found.setdefault(key, set()).add(threshold)
    columns = {key: sorted(found[key]) for key in sorted(found)}
    if max(map(len, columns.values())) > MOST_EDGES or sum(
        _depth(root, forest.children) for root, *_ in forest.trees
    ) < STEPS_A_COLUMN * len(columns):
        return None
    orders = [forest.walk(root) for root, *_ in forest.trees]
    before = _bytes_as_they_are(line)
    for kind in CELLS:
        nodes = _cells(forest, columns, orders, kind)
        if nodes is not None:
            sizes = Table.of(kind, [max(1, len(order)) for order in orders])
            after = len(nodes.data) + len(sizes.data) + sum(4 * len(edges) + 8 for edges in columns.values())
            targets = Table.of("H", [target for *_, target in forest.trees] if forest.names_targets else [])
            return _Binned(columns, nodes, sizes, targets) if after < before else None
    return None


def _bytes_as_they_are(line: Line) -> int:
    """Bytes of a line's tables in the form that it has without bins."""
    features, children = line.args[8], line.args[10]
    tables = [table for table in line.args if isinstance(table, Table)]
    assert isinstance(features, Table)
    assert isinstance(children, Table)
    near = in_bytes(features, children)
    saved = 0 if near is None else len(features.data) - len(near[0].data) + len(children.data) - len(near[1].data)
    return sum(len(table.data) for table in tables) - saved


def _depth(root: int, children: Sequence[int]) -> float:
    """Steps from root to leaf in a tree, were all its leaves as likely."""
    waiting, depths = [(root, 0)], []
    while waiting:
        node, depth = waiting.pop()
        if node < 0:
            depths.append(depth)
        else:
            waiting += [(child, depth + 1) for child in children[2 * node : 2 * node + 2]]
    return sum(depths) / len(depths)


def _cells(forest: _Forest, columns: dict[Key, list[float]], orders: Sequence[list[int]], kind: str) -> Table | None:
    """Four cells a node, trees one after another; a tree of one leaf gets a node both of whose children it is."""
    size, half = CELLS[kind]
    place = {key: number for number, key in enumerate(columns)}
    if FLAGS * len(columns) > size or max(map(len, orders)) >= half:
        return None
    cells = [0, 0, 0, 0]  # where trees wait that have ended
    for order, (root, start, _) in zip(orders, forest.trees, strict=True):
        number = {node: n for n, node in enumerate(order)}
        if root < 0:
            cells += [FLAGS - 1, 0, *(2 * [forest.leaves[start + ~root]])]
        for node in order:
            key, pair = forest.keys[node], forest.children[2 * node : 2 * node + 2]
            limit = bisect.bisect_left(columns[key], forest.thresholds[node])
            cells += [FLAGS * place[key] + (pair[0] < 0) + 2 * (pair[1] < 0), limit]
            cells += [forest.leaves[start + ~c] if c < 0 else number[c] - number[node] for c in pair]
    children = [cell for n, cell in enumerate(cells) if n % 4 >= 2]
    if min(children) < -half or max(children) >= half:
        return None
    return Table.of(kind, [cell % size for cell in cells])


def _add_bins(plan: Plan, lines: Sequence[Line], columns: dict[Key, list[float]], first: int) -> None:
    """Lines that put the bin of each column into byte slots from `first` on."""
    tables = {line.args[5]: line for line in lines if line.op == "LOOKUP_F" and line.args[3] == 1}
    run: list[Key] = []
    for number, key in enumerate(columns):
        line = tables.get(key[0])
        if run and (line is not None or key[0] != run[-1][0] + 1):
            _add_run(plan, {own: columns[own] for own in run}, first + number - len(run))
            run = []
        if line is None:
            run.append(key)
            continue
        *place, table, _ = line.args
        assert isinstance(table, Table)
        bins = [_bin(value, columns[key], key[1]) for value in table.numbers().tolist()]
        plan.add("LOOKUP_B", *place, Table.of("B", bins), first + number)
    if run:
        _add_run(plan, {own: columns[own] for own in run}, first + len(columns) - len(run))


def _add_run(plan: Plan, columns: dict[Key, list[float]], first: int) -> None:
    """One line for columns that stand side by side."""
    offsets = [0]
    for edges in columns.values():
        offsets.append(offsets[-1] + len(edges))
    nans = Table.of("i", [_bin(float("nan"), edges, key[1]) for key, edges in columns.items()])
    flat = Table("f", b"".join(struct.pack(f"<{len(own)}f", *own) for own in columns.values()))
    plan.add("BIN_B", next(iter(columns))[0], len(columns), flat, Table.of("i", offsets), nans, first)


def _bin(value: float, edges: list[float], nan_left: int) -> int:
    if math.isnan(value):
        return 0 if nan_left else len(edges)
    return bisect.bisect_left(edges, value)


def _without_unread(plan: Plan) -> list[Line]:
    """Lines but for look-ups of floats that nothing reads any more."""
    read = {slot + n for slot, width in plan.outputs.values() for n in range(width)}
    for line in plan.lines:
        read.update(slot + n for slot, count in _reads(line) for n in range(count))
    return [line for line in plan.lines if line.op != "LOOKUP_F" or line.args[3] != 1 or line.args[5] in read]


def _reads(line: Line) -> Iterator[tuple[Any, Any]]:
    """First float slot and number of float slots of everything that a line reads."""
    reads = _READS.get(line.op)
    yield from reads(*line.args) if reads else ()


_READS: Final[dict[str, Callable[..., list[tuple[Any, Any]]]]] = {
    "ARITHMETIC": lambda _, a, b, n, __: [(a, n), (b, n)],
    "IMPUTE": lambda x, n, *_: [(x, n)],
    "CLIP": lambda x, n, *_: [(x, n)],
    "COPY": lambda space, x, n, *_: [(x, n)] if space == FLOATS else [],
    "BIN_B": lambda x, n, *_: [(x, n)],
    "BIN_I": lambda x, n, *_: [(x, n)],
    "RAGGED_H": lambda x, width, *_: [(x, width)],
    "RAGGED_I": lambda x, width, *_: [(x, width)],
    "DENSE": lambda x, n, *_: [(x, n)],
    "DOT": lambda a, z, n, _: [(a, n + 1), (z, n)],
    "BLEND": lambda total, _, x, __, n, ___: [(x, n)] + ([(total, n)] if total >= 0 else []),
    "SIGMOID": lambda x, _: [(x, 1)],
    "SOFTMAX": lambda x, n, _: [(x, n)],
    "EXPONENTIAL": lambda x, n, _: [(x, n)],
    "LABEL": lambda x, n, _: [(x, n)],
    "ABOVE": lambda x, *_: [(x + 1, 1)],
}
