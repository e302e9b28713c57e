"""Random valid Programs that cover every op of the IR, for all engines and exporters.

`random_program(seed, size)` is a pure function of its arguments; `programs()` is the same as a hypothesis strategy,
which shrinks `size` first. `hostile_inputs` (in `hostile.py`, and importable from here) gives rows for a Program.

What is left out on purpose, so that every engine has one right answer:

* Scores of classifiers are always finite: what enters `Dense` was imputed and clipped, everything else is bounded.
  So labels never depend on how an engine orders NaN. Regressors may yield NaN and infinities.
* Engines with their own exponential may swap the label of a tie: compare labels where `label_is_defined`.
* Text holds no NUL and no lone surrogate, which ONNX cannot carry; `hostile.RUNTIME_ONLY_TEXT` has both.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from conformance.hostile import CATEGORIES, hostile_inputs, label_is_defined
from conformance.stages import Draft, feature_stage, float32
from hypothesis import strategies as st
from lean_automl_runtime.ir import LABEL, PREDICTION, PROBABILITIES, Column, ColumnKind, Program
from lean_automl_runtime.ir import ops as o

__all__ = ["MAX_SIZE", "hostile_inputs", "label_is_defined", "programs", "random_program"]

MAX_SIZE: Final = 6

COLUMN_FORMS: Final = (
    (ColumnKind.NUMERIC, "float32"),
    (ColumnKind.NUMERIC, "float64"),
    (ColumnKind.BOOLEAN, "float32"),
    (ColumnKind.CATEGORICAL, "string"),
    (ColumnKind.DATETIME, "int64"),
    (ColumnKind.TEXT, "string"),
)
COLUMN_NAMES: Final = ("age", "hours-per-week", 'a "quoted" one', "größe", "日付", "two words", "x*/y", "class")


def programs(max_size: int = MAX_SIZE) -> st.SearchStrategy[Program]:
    """Random Programs; the size shrinks before the seed."""
    return st.builds(lambda size, seed: random_program(seed, size), st.integers(1, max_size), st.integers(0, 2**32 - 1))


def random_program(seed: int, size: int = 4) -> Program:
    """A valid Program of up to `size + 1` columns and about 4 to 10 ops for each."""
    rng = np.random.default_rng(seed)
    draft = Draft(rng, _columns(rng, size), size)
    feature_stage(draft)
    classes = _classes(draft)
    width = 1 if classes is None or (len(classes) == 2 and draft.chance(0.7)) else len(classes)
    members = [draft.pick(MEMBERS)(draft, width, classes is not None) for _ in range(int(draft.rng.integers(1, 4)))]
    if classes is None:
        score = _blend(draft, members)
        if draft.chance(0.3):
            score = draft.add(o.Link((score,), o.LinkKind.EXPONENTIAL))
        return draft.builder.build({PREDICTION: score})
    probabilities = _probabilities(draft, members, width)
    threshold = float(draft.rng.uniform(0.05, 0.95)) if len(classes) == 2 and draft.chance(0.5) else None
    label = draft.add(o.Label((probabilities,), classes, threshold))
    return draft.builder.build({LABEL: label, PROBABILITIES: probabilities})


def _columns(rng: np.random.Generator, size: int) -> tuple[Column, ...]:
    count = int(rng.integers(1, size + 2))
    forms = [COLUMN_FORMS[i] for i in rng.integers(0, len(COLUMN_FORMS), count)]
    names = [COLUMN_NAMES[i] if i < len(COLUMN_NAMES) else f"c{i}" for i in rng.permutation(max(count, 8))]
    return tuple(Column(name, kind, dtype) for name, (kind, dtype) in zip(names, forms, strict=False))


def _classes(draft: Draft) -> tuple[Any, ...] | None:
    if draft.chance(0.25):
        return None
    count = 2 if draft.chance(0.5) else int(draft.rng.integers(2, 31))
    kind = draft.pick(("string", "integer", "boolean"))
    if kind == "boolean":
        return (False, True)
    if kind == "integer":
        return tuple(int(c) for c in draft.rng.permutation(np.arange(-5, 40))[:count])
    own = [c for c in CATEGORIES if c] + [f"class {i}" for i in range(30)]
    return tuple(own[i] for i in draft.rng.permutation(len(own))[:count])


def _probabilities(draft: Draft, members: list[int], width: int) -> int:
    kind = o.LinkKind.SIGMOID if width == 1 else o.LinkKind.SOFTMAX
    if len(members) > 1 and draft.chance(0.3):  # average after the link, so that weights sum to 1
        linked = tuple(draft.add(o.Link((member,), kind)) for member in members)
        weights = draft.rng.dirichlet(np.ones(len(linked))).astype(np.float32)
        return draft.add(o.Blend(linked, weights, np.zeros(max(width, 2), np.float32)))
    return draft.add(o.Link((_blend(draft, members),), kind))


def _blend(draft: Draft, members: list[int]) -> int:
    if len(members) == 1 and draft.chance(0.5):
        return members[0]
    width = draft.width(members[0])
    weights = draft.rng.uniform(0.2, 1.5, len(members)).astype(np.float32)
    return draft.add(o.Blend(tuple(members), weights, float32(draft.rng.normal(0, 0.3, width))))


# --- members: each returns a float value of the given width --------------------------------------------------


def _oblivious(draft: Draft, width: int, finite: bool) -> int:  # noqa: ARG001
    """Constant leaves: each tree writes one column, or vector leaves: some write several."""
    rng = draft.rng
    bins = draft.bin_matrix()
    vector = draft.chance(0.5)
    targets = [
        np.sort(rng.permutation(width)[: int(rng.integers(1, width + 1)) if vector else 1])
        for _ in range(draft.tree_count())
    ]
    return draft.add(_oblivious_trees(draft, bins, targets, width))


def _linear(draft: Draft, width: int, finite: bool) -> int:  # noqa: ARG001
    """Linear leaves: for each output, constants and slopes that `Dot` multiplies with bin centres."""
    rng = draft.rng
    singles = [draft.single_bin() for _ in range(int(rng.integers(1, 4)))]
    bins = draft.add(o.Concat(tuple(singles)))
    centres = [draft.centres(single) for single in singles]
    features = draft.add(o.Concat(tuple(centres)))
    slopes = len(singles)
    outputs = []
    for _ in range(width):
        targets = []
        for _ in range(max(1, draft.tree_count() // width)):
            own = rng.permutation(slopes)[: int(rng.integers(0, slopes + 1))]
            targets.append(np.concatenate([[0], np.sort(own) + 1]))
        forest = draft.add(_oblivious_trees(draft, bins, targets, slopes + 1))
        outputs.append(draft.add(o.Dot((forest, features))))
    return outputs[0] if width == 1 else draft.add(o.Concat(tuple(outputs)))


def _oblivious_trees(draft: Draft, bins: int, targets: list[Any], width: int) -> o.ObliviousTrees:
    rng = draft.rng
    levels = draft.levels(bins)
    deepest = draft.pick((0, 2, 6, 8))
    depths = rng.integers(0, deepest + 1, len(targets))
    features = rng.integers(0, len(levels), int(depths.sum()))
    # Up to one above the highest bin, where a split is always false.
    split_bins = np.array([rng.integers(0, levels[f] + 1) for f in features], dtype=np.int64)
    dtype = np.uint8 if split_bins.max(initial=0) < 256 and draft.chance(0.8) else np.uint16
    return o.ObliviousTrees(
        (bins,),
        **draft.forest([2 ** int(d) for d in depths], targets, width),
        split_feature=features.astype(np.int32),
        split_bin=np.minimum(split_bins, np.iinfo(dtype).max).astype(dtype),
        split_offsets=_offsets(depths),
    )


def _ragged(draft: Draft, width: int, finite: bool) -> int:  # noqa: ARG001
    rng = draft.rng
    floats = draft.float_matrix()
    columns = draft.width(floats)
    counts = [1 if draft.chance(0.2) else int(rng.integers(2, 12)) for _ in range(draft.tree_count())]
    targets = [np.sort(rng.permutation(width)[: int(rng.integers(1, width + 1))]) for _ in counts]
    left: list[int] = []
    right: list[int] = []
    roots = []
    for leaves in counts:
        roots.append(len(left) if leaves > 1 else -1)
        grow_tree(rng, leaves, left, right)
    nodes = len(left)
    return draft.add(
        o.RaggedTrees(
            (floats,),
            **draft.forest(counts, targets, width),
            feature=rng.integers(0, columns, nodes).astype(np.int32),
            threshold=draft.thresholds(nodes),
            left=np.array(left, dtype=np.int32),
            right=np.array(right, dtype=np.int32),
            nan_left=rng.random(nodes) < 0.5,
            roots=np.array(roots, dtype=np.int32),
        )
    )


def grow_tree(rng: np.random.Generator, leaves: int, left: list[int], right: list[int]) -> None:
    """Append a random tree of that many leaves, parents before children."""
    if leaves == 1:
        return
    names = iter(rng.permutation(leaves).tolist())
    waiting = [(leaves, -1, left)]
    while waiting:
        size, parent, side = waiting.pop(int(rng.integers(0, len(waiting))))
        child = len(left) if size > 1 else ~next(names)
        if parent >= 0:
            side[parent] = child
        if size > 1:
            left.append(0)
            right.append(0)
            part = int(rng.integers(1, size))
            waiting += [(part, child, left), (size - part, child, right)]


def _table_sum(draft: Draft, width: int, finite: bool) -> int:  # noqa: ARG001
    rng = draft.rng
    bins = draft.bin_matrix()
    levels = draft.levels(bins)
    terms, strides, rows = [], [], []
    for _ in range(int(rng.integers(0, 5))):
        a, b = (int(i) for i in rng.integers(0, len(levels), 2))
        if draft.chance(0.6) or levels[a] * levels[b] > 5000:
            b = -1
        terms.append((a, b))
        strides.append(levels[b] if b >= 0 else 1)
        rows.append(levels[a] * strides[-1])
    values, scale, bias = draft.integers_and_scale(sum(rows) * width, max(1, len(rows)), width)
    return draft.add(
        o.TableSum(
            (bins,),
            terms=np.array(terms, dtype=np.int32).reshape(-1, 2),
            strides=np.array(strides, dtype=np.int32),
            offsets=_offsets(rows),
            values=values.reshape(-1, width),
            scale=scale,
            bias=bias,
        )
    )


def _dense(draft: Draft, width: int, finite: bool) -> int:
    rng = draft.rng
    value = draft.float_matrix()
    if finite or draft.chance(0.5):
        value = draft.tamed(value)
    for _ in range(int(rng.integers(0, 3))):
        value = _layer(draft, value, int(rng.integers(1, 9)), draft.pick(tuple(o.Activation)))
    return _layer(draft, value, width, o.Activation.IDENTITY)


def _layer(draft: Draft, value: int, width: int, activation: o.Activation) -> int:
    inner = draft.width(value)
    weight = float32(draft.rng.normal(0, 1, (inner, width)) / np.sqrt(inner))
    return draft.add(o.Dense((value,), weight, float32(draft.rng.normal(0, 0.2, width)), activation))


def _offsets(counts: Any) -> np.ndarray[Any, np.dtype[np.int32]]:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)


MEMBERS: Final = (_oblivious, _oblivious, _linear, _ragged, _table_sum, _dense)
