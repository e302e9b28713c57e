"""Trees and additive tables as the kernel wants them.

Scores are sums of integers, so trees may be taken in any order: those of one depth and one form of leaf make a group,
which is a line. Splits of oblivious trees are turned from tree by tree to level by level, so that the kernel compares
many trees at once.
"""

import itertools

from lean_automl_runtime.native.block import SIZES, Node, Table, require
from lean_automl_runtime.native.values import BYTE_LEVELS, BYTES, INTS, Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lean_automl_runtime.native.plan import Plan

ONE, ROW, SPARSE = range(3)  # forms of leaves, as in lean_automl_kernel.h
DEEPEST = 16
DEEPEST_IN_BYTES = 8


class Forest:
    """What both tree ops share, read from a node.

    Attributes:
        trees: How many.
        leaves: All leaf numbers.
        starts: Where each tree's begin, and where the last one's end.
        targets: Columns that each tree writes.
    """

    __slots__ = ("leaves", "starts", "targets", "trees")

    def __init__(self, node: Node, trees: int, width: int) -> None:
        self.trees = trees
        self.leaves = node.vector("leaves", "bhi")
        self.starts = node.offsets("leaf_offsets", len(self.leaves), trees)
        columns = node.vector("targets", "i").numbers().tolist()
        ends = node.offsets("target_offsets", len(columns), trees)
        node.vector("bias", "f", width)
        self.targets = [tuple(columns[a:b]) for a, b in itertools.pairwise(ends)]
        for own in set(self.targets):
            require(len(own) > 0 and own[0] >= 0 and own[-1] < width, "a tree has no target, or one out of range")
            require(all(a < b for a, b in itertools.pairwise(own)), "targets of a tree do not ascend")

    def leaves_of(self, trees: list[int]) -> Table:
        """Leaf numbers of some trees."""
        if len(trees) == self.trees:
            return self.leaves
        size = SIZES[self.leaves.kind]
        parts = [self.leaves.data[size * self.starts[t] : size * self.starts[t + 1]] for t in trees]
        return Table(self.leaves.kind, b"".join(parts))


def lower_oblivious(plan: "Plan", node: Node, inputs: list[Value], out: Value) -> None:
    """Lines of `ObliviousTrees`."""
    x = inputs[0]
    features = node.vector("split_feature", "i")
    bins = node.vector("split_bin", "BH", len(features))
    ends = node.offsets("split_offsets", len(features))
    depths = [b - a for a, b in itertools.pairwise(ends)]
    require(max(depths, default=0) <= DEEPEST, f"a tree is deeper than {DEEPEST}")
    forest = Forest(node, len(depths), out.width)
    groups: dict[tuple[int, int, int, int], list[int]] = {}
    for tree, (depth, own) in enumerate(zip(depths, forest.targets, strict=True)):
        size = forest.starts[tree + 1] - forest.starts[tree]
        require(size == len(own) << depth, "a tree has too few or too many leaves")
        groups.setdefault((depth, _form(own), len(own), own[0]), []).append(tree)
    sums = plan.take(INTS, out.width)
    plan.add("ZERO", sums, out.width)
    ints = -1
    for (depth, form, k, first), trees in groups.items():
        narrow = x.space == BYTES and x.width <= BYTE_LEVELS and depth <= DEEPEST_IN_BYTES
        if not narrow and ints < 0:
            ints = _as_ints(plan, x)
        feature = Table.of("B" if narrow else "i", _by_level(features, ends, depth, trees))
        limits = _by_level(bins, ends, depth, trees)
        if narrow and bins.kind == "H":
            limits = [min(limit, BYTE_LEVELS - 1) for limit in limits]  # no byte is above 255 either
        bin_table = Table.of("B" if narrow else "H", limits)
        targets = Table.of("H", _others([forest.targets[t][1:] for t in trees]) if form == SPARSE else [])
        leaves = forest.leaves_of(trees)
        place = (x.slot if narrow else ints, x.width, sums, len(trees), depth, form, k, first)
        op = "TREES_B" if narrow else "TREES_I"
        plan.add(op, *place, feature, bin_table, leaves, SIZES[leaves.kind], targets)
    _score(plan, node, sums, out)


def _form(own: tuple[int, ...]) -> int:
    if len(own) == 1:
        return ONE
    return ROW if own[-1] - own[0] == len(own) - 1 else SPARSE


def _others(targets: list[tuple[int, ...]]) -> list[int]:
    columns = [column for own in targets for column in own]
    require(max(columns, default=0) < 2**16, "a tree writes a column above 65,535")
    return columns


def _by_level(splits: Table, ends: list[int], depth: int, trees: list[int]) -> list[int]:
    """Splits of some trees of one depth: the first of every tree, the second of every tree, ..."""
    numbers = splits.numbers().tolist()
    if len(trees) < len(ends) - 1:
        numbers = [split for t in trees for split in numbers[ends[t] : ends[t + 1]]]
    return [split for level in range(depth) for split in numbers[level::depth]]


def _as_ints(plan: "Plan", x: Value) -> int:
    """First int slot of bins, which are copied there if they lie in bytes."""
    if x.space == INTS:
        return x.slot
    slot = plan.take(INTS, x.width)
    plan.add("COPY", BYTES, x.slot, x.width, INTS, slot)
    return slot


def _score(plan: "Plan", node: Node, sums: int, out: Value) -> None:
    scale, bias = node.vector("scale", "f", out.width), node.vector("bias", "f", out.width)
    plan.add("SCORE", sums, out.width, scale, bias, out.slot)


def lower_ragged(plan: "Plan", node: Node, inputs: list[Value], out: Value) -> None:
    """Lines of `RaggedTrees`: one for each number of targets a tree."""
    x = inputs[0]
    roots = node.vector("roots", "i").numbers().tolist()
    forest = Forest(node, len(roots), out.width)
    nodes = _Nodes(node, roots)
    sums = plan.take(INTS, out.width)
    plan.add("ZERO", sums, out.width)
    groups: dict[int, list[int]] = {}
    for tree, own in enumerate(forest.targets):
        groups.setdefault(len(own), []).append(tree)
    for k, trees in groups.items():
        part = nodes if len(groups) == 1 else nodes.only(trees)
        targets = [forest.targets[t] for t in trees]
        same = len(set(targets)) == 1
        form = _form(targets[0]) if same else SPARSE
        first = targets[0][0] if same or len({columns[0] for columns in targets}) == 1 else -1
        others = _others([columns if first < 0 else columns[1:] for columns in targets]) if form == SPARSE else []
        part.add_line(plan, (x.slot, x.width, sums, len(trees), form, k, first), forest, trees, others)
    _score(plan, node, sums, out)


class _Nodes:
    """Inner nodes of ragged trees, and each tree's root among them."""

    __slots__ = ("children", "features", "roots", "thresholds")

    def __init__(self, node: Node, roots: list[int]) -> None:
        features = node.vector("feature", "i")
        count = len(features)
        missing = node.vector("nan_left", "?", count)
        require(min(features.numbers(), default=0) >= 0, "a node reads no column")
        pairs = zip(features.numbers().tolist(), missing.numbers().tolist(), strict=True)
        self.features = [2 * feature + nan_left for feature, nan_left in pairs]
        self.thresholds = node.vector("threshold", "f", count).data
        left, right = node.vector("left", "i", count), node.vector("right", "i", count)
        sides = zip(left.numbers().tolist(), right.numbers().tolist(), strict=True)
        self.children = [child for pair in sides for child in pair]
        self.roots = roots
        inner = [root for root in roots if root >= 0]
        require(inner == sorted(set(inner)) and max(inner, default=0) <= count, "roots do not ascend")
        require((inner[0] == 0 if inner else count == 0), "a node is not reached")
        require(all(root >= -1 for root in roots), "a tree of one leaf names another leaf")

    def only(self, trees: list[int]) -> "_Nodes":
        """Nodes of some trees, numbered anew."""
        inner = [root for root in self.roots if root >= 0] + [len(self.features)]
        end_of = dict(itertools.pairwise(inner))
        part = object.__new__(_Nodes)
        part.features, part.children, part.roots, thresholds = [], [], [], []
        for tree in trees:
            root = self.roots[tree]
            if root < 0:
                part.roots.append(root)
                continue
            end, moved = end_of[root], len(part.features) - root
            part.roots.append(len(part.features))
            part.features += self.features[root:end]
            thresholds.append(self.thresholds[4 * root : 4 * end])
            part.children += [c + moved if c >= 0 else c for c in self.children[2 * root : 2 * end]]
        part.thresholds = b"".join(thresholds)
        return part

    def add_line(
        self, plan: "Plan", place: tuple[int, ...], forest: Forest, trees: list[int], others: list[int]
    ) -> None:
        """Append the line of these trees."""
        count, leaves = len(self.features), forest.leaves_of(trees)
        highest = max(self.features, default=0)
        children = self.children
        short = highest < 2**16 and max(children, default=0) < 2**15 and min(children, default=0) >= -(2**15)
        features = Table.of("H" if short else "I", self.features)
        starts, at = [], 0
        for tree in trees:
            starts.append(at)
            at += forest.starts[tree + 1] - forest.starts[tree]
        op = "RAGGED_H" if short else "RAGGED_I"
        tables = (features, Table("f", self.thresholds), Table.of("h" if short else "i", children))
        tail = (Table.of("i", self.roots + starts), leaves, SIZES[leaves.kind], Table.of("H", others))
        plan.add(op, *place, count, *tables, *tail)


def lower_tables(plan: "Plan", node: Node, inputs: list[Value], out: Value) -> None:
    """Lines of `TableSum`."""
    x = inputs[0]
    strides = node.vector("strides", "i").numbers().tolist()
    count = len(strides)
    pairs = node.array("terms", "i", (count, 2)).numbers().tolist()
    shape = node.shape("values")
    require(len(shape) == 2, "values are not a matrix")
    values = node.array("values", "bhi", (shape[0], out.width))
    ends = node.offsets("offsets", shape[0], count)
    node.vector("bias", "f", out.width)
    terms: list[int] = []
    for term in range(count):
        a, b = pairs[2 * term : 2 * term + 2]
        require(0 <= a < x.width and -1 <= b < x.width, "a term reads no column")
        stride = 1 if b < 0 else x.levels[b]
        rows = ends[term + 1] - ends[term]
        require(strides[term] == stride and rows == x.levels[a] * stride, f"term {term} has the wrong shape")
        terms += (a, b, stride, ends[term])
    sums = plan.take(INTS, out.width)
    plan.add("ZERO", sums, out.width)
    if count:
        op = "TABLES_B" if x.space == BYTES else "TABLES_I"
        sizes = (x.slot, x.width, sums, count, out.width)
        plan.add(op, *sizes, Table.of("i", terms), values, SIZES[values.kind])
    _score(plan, node, sums, out)
