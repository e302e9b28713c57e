"""Programs of known size and their records: what a cost model is fitted on, and what a device is judged by.

They are made, not trained: splits are spread over all columns and bins, and leaves are random. Programs of the
forms that students take cost the same as trained ones where the work does not depend on the data.
"""

from __future__ import annotations

from datetime import UTC, datetime
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from lean_automl_runtime.ir import LABEL, PREDICTION, PROBABILITIES, Column, ColumnKind, Program, ProgramBuilder
from lean_automl_runtime.ir import ops as o
from lean_automl_runtime.measure.reference_shapes import Shape

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROWS: Final = 1000
DATE_FIELDS: Final = (o.DateField.YEAR, o.DateField.MONTH, o.DateField.WEEKDAY, o.DateField.HOUR)
NUMBERS_OF_TIME: Final = len(DATE_FIELDS)
TEXT_FIELDS: Final = tuple(o.TextField)
TOKENS: Final = 200  # that are scored: half of the words
MOST_ROWS: Final = (0.7, 0.98)  # that go to one side of a split of an uneven tree
FEWER_LEAVES: Final = 0.17  # how often that is the side with fewer leaves
SKEW: Final = 6
ZEROS: Final = 0.7  # of every second column of numbers
UNSEEN: Final = 0.005
FIRST_TIME: Final = 1_600_000_000
SECONDS_OF_RECORDS: Final = 100_000_000


def make_program(shape: Shape, seed: int = 0) -> Program:
    """The Program of a shape; the same for the same seed."""
    rng = np.random.default_rng(seed)
    columns = tuple(Column(f"n{i}", ColumnKind.NUMERIC, "float32") for i in range(shape.numeric))
    columns += tuple(Column(f"c{i}", ColumnKind.CATEGORICAL, "string") for i in range(shape.categorical))
    columns += tuple(Column(f"t{i}", ColumnKind.DATETIME, "int64") for i in range(shape.times))
    columns += tuple(Column(f"x{i}", ColumnKind.TEXT, "string") for i in range(shape.texts))
    builder = ProgramBuilder(columns)
    scores = _BODIES[shape.form](builder, shape, rng)
    if shape.classes == 1:
        return builder.build({PREDICTION: scores})
    link = o.LinkKind.SIGMOID if shape.classes == 2 else o.LinkKind.SOFTMAX
    probabilities = builder.add(o.Link((scores,), link))
    classes = tuple(f"class {i}" for i in range(shape.classes))
    label = builder.add(o.Label((probabilities,), classes, None))
    return builder.build({LABEL: label, PROBABILITIES: probabilities})


def make_records(shape: Shape, seed: int = 0, rows: int = ROWS) -> list[dict[str, Any]]:
    """Distinct records for a shape: some values missing, as it says, and 1 in 200 categories unseen."""
    rng = np.random.default_rng([seed, 1])
    numbers = rng.normal(size=(rows, shape.numeric)).round(4)
    numbers[:, 1::2] *= rng.random((rows, shape.numeric // 2)) >= ZEROS
    unused = rng.normal(size=(rows, shape.unused)).round(4)
    used = shape.numeric + shape.categorical + shape.times + shape.texts
    missing = rng.random((rows, used + 2 * shape.unused)) < shape.missing
    codes = _codes_of_rows(rng, (rows, shape.categorical + shape.unused), shape.categories)
    times = FIRST_TIME + rng.integers(0, SECONDS_OF_RECORDS, size=(rows, shape.times))
    words = rng.integers(0, 2 * TOKENS, size=(rows, shape.texts, shape.words))
    records = []
    for row in range(rows):
        record: dict[str, Any] = {
            f"n{i}": round(4 * x) if shape.whole else float(x) for i, x in enumerate(numbers[row])
        }
        record |= {f"c{i}": category(int(code), shape) for i, code in enumerate(codes[row, : shape.categorical])}
        record |= {f"t{i}": int(t) if shape.whole else _time_text(t) for i, t in enumerate(times[row])}
        record |= {f"x{i}": " ".join(_token(word) for word in own) for i, own in enumerate(words[row])}
        record |= {f"v{i}": float(x) for i, x in enumerate(unused[row])}
        record |= {f"w{i}": category(int(codes[row, shape.categorical + i]), shape) for i in range(shape.unused)}
        records.append({name: None if gone else record[name] for name, gone in zip(record, missing[row], strict=True)})
    return records


def _codes_of_rows(rng: np.random.Generator, size: tuple[int, int], categories: int) -> NDArray[np.int64]:
    """Some categories are in many rows and most in few, as in real tables; 1 in 200 is unseen."""
    known = (categories * rng.random(size) ** SKEW).astype(np.int64)
    return np.where(rng.random(size) < UNSEEN, categories + known, known)


def _time_text(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).replace(tzinfo=None).isoformat()


def category(number: int, shape: Shape) -> str:
    """Text of a category."""
    return f"category {number}{shape.letters * 'x'}"


def _bins(builder: ProgramBuilder, shape: Shape, rng: np.random.Generator) -> int:
    """All columns as bins, side by side: numbers, parts of times, categories."""
    parts = []
    numbers = [*range(shape.numeric), *_date_parts(builder, shape), *_text_numbers(builder, shape, rng)]
    if numbers:
        edges = np.sort(rng.normal(size=(len(numbers), shape.edges)).astype(np.float32), axis=1)
        offsets = np.arange(len(numbers) + 1, dtype=np.int32) * np.int32(shape.edges)
        joined = builder.add(o.Concat(tuple(numbers)))
        missing = np.zeros(len(numbers), dtype=np.int32)
        parts.append(builder.add(o.Bin((joined,), edges.reshape(-1), offsets, missing)))
    for code in np.repeat(_codes(builder, shape), shape.tables).tolist():
        table = rng.integers(0, _category_bins(shape), size=(shape.categories + 2, 1))
        table[-1] = _category_bins(shape) - 1  # so that the number of levels does not depend on chance
        parts.append(builder.add(o.Lookup((code,), table.astype(np.uint8))))
    return parts[0] if len(parts) == 1 else builder.add(o.Concat(tuple(parts)))


def _floats(builder: ProgramBuilder, shape: Shape, rng: np.random.Generator) -> int:
    """All columns as floats, side by side; a category becomes a number."""
    parts = [*range(shape.numeric), *_date_parts(builder, shape), *_text_numbers(builder, shape, rng)]
    for code in np.repeat(_codes(builder, shape), shape.tables).tolist():
        table = rng.normal(size=(shape.categories + 2, 1)).astype(np.float32)
        parts.append(builder.add(o.Lookup((code,), table)))
    return builder.add(o.Concat(tuple(parts)))


def _date_parts(builder: ProgramBuilder, shape: Shape) -> list[int]:
    first = shape.numeric + shape.categorical
    return [builder.add(o.DatePart((first + i,), field)) for i in range(shape.times) for field in DATE_FIELDS]


def _codes(builder: ProgramBuilder, shape: Shape) -> list[int]:
    categories = tuple(category(i, shape) for i in range(shape.categories))
    return [builder.add(o.Encode((shape.numeric + i,), categories)) for i in range(shape.categorical)]


def _text_numbers(builder: ProgramBuilder, shape: Shape, rng: np.random.Generator) -> list[int]:
    """Counts of each text, and scores of some."""
    first, parts = shape.numeric + shape.categorical + shape.times, []
    tokens = tuple(_token(word) for word in range(TOKENS))
    scale = np.full(1, 1e-2, dtype=np.float32)
    for i in range(first, first + shape.texts):
        parts += [builder.add(o.TextCount((i,), field)) for field in TEXT_FIELDS]
        if i - first >= shape.scored:
            continue
        weights = rng.integers(-99, 100, size=(TOKENS, 1)).astype(np.int8)
        parts.append(builder.add(o.TokenScore((i,), tokens, weights, scale, np.zeros(1, np.float32), shape.words)))
    return parts


def _token(word: int) -> str:
    return f"word{word}"


def _forest(
    rng: np.random.Generator, trees: int, leaves: int, targets: NDArray[np.int32], width: int
) -> dict[str, Any]:
    """Attributes that both tree ops share: every tree has `leaves` leaves; `targets` has a row for each tree."""
    per_tree = targets.shape[1]
    return {
        "leaves": rng.integers(-99, 100, size=trees * leaves * per_tree).astype(np.int16),
        "leaf_offsets": np.arange(trees + 1, dtype=np.int32) * np.int32(leaves * per_tree),
        "targets": targets.reshape(-1),
        "target_offsets": np.arange(trees + 1, dtype=np.int32) * np.int32(per_tree),
        "scale": np.full(width, 1e-4, dtype=np.float32),
        "bias": np.zeros(width, dtype=np.float32),
    }


def _trees(
    builder: ProgramBuilder, shape: Shape, rng: np.random.Generator, bins: int, targets: NDArray[np.int32]
) -> int:
    splits = shape.size * shape.depth
    forest = _forest(rng, shape.size, 2**shape.depth, targets, int(targets.max()) + 1)
    return builder.add(
        o.ObliviousTrees(
            (bins,),
            **forest,
            split_feature=rng.integers(0, _width(shape), size=splits).astype(np.int32),
            split_bin=rng.integers(0, shape.edges, size=splits).astype(np.uint8),
            split_offsets=np.arange(shape.size + 1, dtype=np.int32) * np.int32(shape.depth),
        )
    )


def _oblivious(builder: ProgramBuilder, shape: Shape, rng: np.random.Generator) -> int:
    targets = np.tile(np.arange(shape.scores, dtype=np.int32), (shape.size, 1))
    return _trees(builder, shape, rng, _bins(builder, shape, rng), targets)


def _linear_leaves(builder: ProgramBuilder, shape: Shape, rng: np.random.Generator) -> int:
    """A constant and two slopes a leaf."""
    floats = builder.add(o.Impute((_floats(builder, shape, rng),), np.zeros(_width(shape), dtype=np.float32)))
    slopes = [1 + np.sort(rng.choice(_width(shape), size=2, replace=False)) for _ in range(shape.size)]
    slopes[0] = np.array([1, _width(shape)])  # names the last column, so that the sums have one for each feature
    targets = np.array([[0, *pair] for pair in slopes], dtype=np.int32)
    sums = _trees(builder, shape, rng, _bins(builder, shape, rng), targets)
    return builder.add(o.Dot((sums, floats)))


def _width(shape: Shape) -> int:
    """Numbers that the model reads."""
    return _numbers(shape) + shape.categorical * shape.tables


def _numbers(shape: Shape) -> int:
    """Those of them that are none of a category."""
    return shape.numeric + shape.times * NUMBERS_OF_TIME + shape.texts * len(TEXT_FIELDS) + shape.scored


def _ragged(builder: ProgramBuilder, shape: Shape, rng: np.random.Generator) -> int:
    """Complete trees: what is ragged is the path, which depends on the data."""
    inner = 2**shape.depth - 1
    node = np.arange(inner)
    first = np.arange(shape.size)[:, None] * inner
    left, right = 2 * node + 1, 2 * node + 2
    children = [np.where(child < inner, child + first, ~(child - inner)) for child in (left, right)]
    nodes = shape.size * inner
    floats = _floats(builder, shape, rng)
    return builder.add(
        o.RaggedTrees(
            (floats,),
            **_forest(rng, shape.size, inner + 1, *_a_class_a_tree(shape)),
            feature=rng.integers(0, _width(shape), size=nodes).astype(np.int32),
            threshold=rng.normal(size=nodes).astype(np.float32),
            left=children[0].astype(np.int32).reshape(-1),
            right=children[1].astype(np.int32).reshape(-1),
            nan_left=rng.random(nodes) < 0.5,
            roots=first.reshape(-1).astype(np.int32),
        )
    )


def _a_class_a_tree(shape: Shape) -> tuple[NDArray[np.int32], int]:
    """Targets of trees that each add to the score of one class, in turn, and how many scores there are."""
    return np.arange(shape.size, dtype=np.int32)[:, None] % np.int32(shape.scores), shape.scores


def _uneven(builder: ProgramBuilder, shape: Shape, rng: np.random.Generator) -> int:
    """Trees that grew leaf by leaf.

    Most rows go to one side of a split, mostly to that with more leaves, so that rows walk about as far, and are
    foreseen about as often, as in trees that were fitted to real tables.
    """
    leaves = 2**shape.depth
    trees = [_grown(rng, leaves) for _ in range(shape.size)]
    inner = leaves - 1
    first = np.arange(shape.size)[:, None] * inner
    children = [np.where(own >= 0, own + first, own) for own in (np.array([t[side] for t in trees]) for side in (0, 1))]
    most_left = np.concatenate([t[2] for t in trees]) > 0.5
    most_left ^= rng.random(most_left.size) < FEWER_LEAVES
    most = rng.uniform(*MOST_ROWS, size=most_left.size)
    shares = np.where(most_left, most, 1 - most)
    floats = _floats(builder, shape, rng)
    return builder.add(
        o.RaggedTrees(
            (floats,),
            **_forest(rng, shape.size, leaves, *_a_class_a_tree(shape)),
            feature=rng.integers(0, _width(shape), size=shares.size).astype(np.int32),
            threshold=np.array([NormalDist().inv_cdf(share) for share in shares], dtype=np.float32),
            left=children[0].astype(np.int32).reshape(-1),
            right=children[1].astype(np.int32).reshape(-1),
            nan_left=rng.random(shares.size) < 0.5,
            roots=first.reshape(-1).astype(np.int32),
        )
    )


def _grown(rng: np.random.Generator, leaves: int) -> tuple[list[int], list[int], list[float]]:
    """Left and right children of a tree's nodes, ~number for leaves, and the share of its leaves on the left."""
    left: list[int] = []
    right: list[int] = []
    shares: list[float] = []
    waiting = [(leaves, -1, 0)]  # leaves below, parent, side
    made = 0
    while waiting:
        below, parent, side = waiting.pop()
        if below == 1:
            here, made = ~made, made + 1
        else:
            here = len(left)
            own = int(rng.integers(1, below))
            left.append(0)
            right.append(0)
            shares.append(own / below)
            waiting += [(below - own, here, 1), (own, here, 0)]
        if parent >= 0:
            (left, right)[side][parent] = here
    return left, right, shares


def _tables(builder: ProgramBuilder, shape: Shape, rng: np.random.Generator) -> int:
    """A table for each column in turn."""
    column = np.arange(shape.size) % _width(shape)
    levels = np.where(column < _numbers(shape), shape.edges + 1, _category_bins(shape))
    return _table_sum(builder, (_bins(builder, shape, rng), column), (levels, shape.scores), rng)


def _table_sum(
    builder: ProgramBuilder,
    terms: tuple[int, NDArray[np.int64]],
    tables: tuple[NDArray[np.int64], int],
    rng: np.random.Generator,
) -> int:
    """The sum of a row of a table for each term.

    Args:
        builder: Takes the op.
        terms: Value number of the bins, and the column that each term reads.
        tables: Levels of each, and how many numbers a row has.
        rng: Makes them.
    """
    (source, column), (levels, width) = terms, tables
    offsets = np.concatenate(([0], np.cumsum(levels))).astype(np.int32)
    return builder.add(
        o.TableSum(
            (source,),
            terms=np.stack([column, np.full(column.size, -1)], axis=1).astype(np.int32),
            strides=np.ones(column.size, dtype=np.int32),
            offsets=offsets,
            values=rng.integers(-99, 100, size=(int(offsets[-1]), width)).astype(np.int16),
            scale=np.full(width, 1e-4, dtype=np.float32),
            bias=np.zeros(width, dtype=np.float32),
        )
    )


def _category_bins(shape: Shape) -> int:
    return min(shape.edges, shape.categories + 2)


def _dense(builder: ProgramBuilder, shape: Shape, rng: np.random.Generator) -> int:
    """Two layers; one, a linear model, if the size is 0. A category is a row of the first layer."""
    units = shape.size or shape.scores
    columns = (*range(shape.numeric), *_date_parts(builder, shape), *_text_numbers(builder, shape, rng))
    inputs = np.repeat(columns, shape.pieces)
    centre, wide = np.zeros(inputs.size, dtype=np.float32), np.full(inputs.size, 2, dtype=np.float32)
    filled = builder.add(o.Impute((builder.add(o.Concat(tuple(inputs.tolist()))),), centre))
    clipped = builder.add(o.Clip((filled,), -wide, wide))
    scaled = builder.add(o.Blend((clipped,), np.ones(1, dtype=np.float32), centre))
    codes, first = _codes(builder, shape), _layer(rng, inputs.size, units)
    if not codes:
        activation = o.Activation.RELU if shape.size else o.Activation.IDENTITY
        value = builder.add(o.Dense((scaled,), *first, activation))
    else:
        parts = [builder.add(o.Dense((scaled,), *first, o.Activation.IDENTITY))]
        same = np.arange(shape.categories + 2, dtype=np.uint8)[:, None]
        bins = [builder.add(o.Lookup((code,), same)) for code in codes]
        source = bins[0] if len(bins) == 1 else builder.add(o.Concat(tuple(bins)))
        levels = np.full(len(codes), len(same))
        parts.append(_table_sum(builder, (source, np.arange(len(codes))), (levels, units), rng))
        zeros = np.zeros(units, dtype=np.float32)
        value = builder.add(o.Blend(tuple(parts), np.ones(2, dtype=np.float32), zeros))
        if shape.size:
            value = builder.add(o.Clip((value,), zeros, np.full(units, np.inf, dtype=np.float32)))
    if not shape.size:
        return value
    return builder.add(o.Dense((value,), *_layer(rng, units, shape.scores), o.Activation.IDENTITY))


def _layer(rng: np.random.Generator, width: int, units: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    weight = (rng.normal(size=(width, units)) / width).astype(np.float32)
    return weight, np.zeros(units, dtype=np.float32)


_BODIES: Final = {
    "oblivious": _oblivious,
    "linear_leaves": _linear_leaves,
    "ragged": _ragged,
    "uneven": _uneven,
    "tables": _tables,
    "dense": _dense,
}
