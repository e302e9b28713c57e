"""A Program in the making: what random feature and model stages share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from conformance.hostile import CATEGORIES, TOKENS
from lean_automl_runtime.ir import DType, ProgramBuilder, ValueType
from lean_automl_runtime.ir import ops as o
from lean_automl_runtime.ir.types import column_type, infer

if TYPE_CHECKING:
    from lean_automl_runtime.ir import Column

T = TypeVar("T")
Array = np.ndarray[Any, np.dtype[Any]]


def float32(values: Any) -> Array:
    return np.asarray(values, dtype=np.float32)


class Draft:
    """Builder, random source and the types of all values so far."""

    def __init__(self, rng: np.random.Generator, columns: tuple[Column, ...], size: int) -> None:
        self.rng = rng
        self.size = size
        self.builder = ProgramBuilder(columns)
        self.types: dict[int, ValueType] = {i: column_type(c) for i, c in enumerate(columns)}

    def add(self, op: o.Op) -> int:
        number = self.builder.add(op)
        self.types[number] = infer(op, [self.types[i] for i in op.inputs])
        return number

    def chance(self, p: float) -> bool:
        return bool(self.rng.random() < p)

    def pick(self, choices: tuple[T, ...]) -> T:
        return choices[int(self.rng.integers(0, len(choices)))]

    def width(self, number: int) -> int:
        return self.types[number].width

    def levels(self, number: int) -> tuple[int, ...]:
        return self.types[number].levels

    def tree_count(self) -> int:
        return 0 if self.chance(0.03) else int(self.rng.integers(1, 4 * self.size + 2))

    def of(self, *dtypes: DType, width: int | None = None) -> tuple[int, ...]:
        """All values of these types."""
        return tuple(n for n, t in self.types.items() if t.dtype in dtypes and width in (None, t.width))

    def join(self, numbers: tuple[int, ...], limit: int) -> int:
        chosen = tuple(int(i) for i in self.rng.permutation(numbers)[: int(self.rng.integers(1, limit + 1))])
        return chosen[0] if len(chosen) == 1 and self.chance(0.5) else self.add(o.Concat(chosen))

    # --- values that members read; made where there are none -------------------------------------------------

    def float_matrix(self) -> int:
        floats = self.of(DType.FLOAT32)
        if not floats:
            code = self.pick(self.of(DType.CODE))
            floats = (self.add(o.Lookup((code,), float32(self.rng.normal(0, 2, (self.levels(code)[0], 2))))),)
        return self.join(floats, 4)

    def bin_matrix(self) -> int:
        made = (self.single_bin(), self.binned(self.float_matrix()))
        return self.join(made + self.of(DType.BIN), 5)

    def single_bin(self) -> int:
        """A bin of one column, from a float column or a category."""
        bins = self.of(DType.BIN, width=1)
        if bins and self.chance(0.5):
            return self.pick(bins)
        codes = tuple(c for c in self.of(DType.CODE) if self.levels(c)[0] <= 4096)
        floats = self.of(DType.FLOAT32, width=1)
        if codes and (not floats or self.chance(0.5)):
            return self.folded(self.pick(codes), 1)
        return self.binned(self.pick(floats))

    def binned(self, value: int) -> int:
        width = self.width(value)
        counts = self.rng.integers(0, self.pick((1, 4, 12, 40)), width)
        edges = [np.unique(self.thresholds(int(c))) for c in counts]
        offsets = np.concatenate([[0], np.cumsum([e.size for e in edges])]).astype(np.int32)
        low, high = np.zeros(width), np.array([e.size + 1 for e in edges])
        middle = self.rng.integers(0, high + 1)
        nan_bin = self.pick((low, high - 1, high, middle)).astype(np.int32)
        return self.add(o.Bin((value,), np.concatenate([float32([]), *edges]), offsets, nan_bin))

    def folded(self, code: int, width: int) -> int:
        """A category map folded into bins."""
        dtype, top = self.pick(((np.uint8, 5), (np.uint8, 255), (np.uint16, 9), (np.uint16, 300)))
        table = self.rng.integers(0, top + 1, (self.levels(code)[0], width)).astype(dtype)
        return self.add(o.Lookup((code,), table))

    def centres(self, bins: int) -> int:
        return self.add(o.Lookup((bins,), float32(self.rng.normal(0, 1, (self.levels(bins)[0], 1)))))

    def tamed(self, value: int) -> int:
        """Imputed, then clipped: finite whatever the row."""
        width = self.width(value)
        filled = self.add(o.Impute((value,), float32(self.rng.normal(0, 1, width))))
        high = self.rng.uniform(0.5, 20, width)
        return self.add(o.Clip((filled,), float32(-high), float32(high)))

    def thresholds(self, count: int) -> Array:
        """Edges and thresholds: ordinary, whole, tiny, huge, and now and then infinite ones. Never NaN."""
        rng = self.rng
        forms = (
            rng.normal(0, 3, count),
            rng.integers(-3, 30, count),
            rng.integers(-3, 30, count) + 0.5,
            rng.normal(0, 1, count) * 10.0 ** rng.integers(-44, 38, count),
            rng.choice([0.0, -0.0, 1.0, 0.5, np.inf, -np.inf, 1e-45, 3.4e38, 2000.0, 86400.0], count),
        )
        chosen = rng.choice(len(forms), count, p=[0.4, 0.2, 0.15, 0.15, 0.1])
        return float32(np.choose(chosen, forms)) if count else float32([])

    # --- integers of trees and tables ------------------------------------------------------------------------

    def integers_and_scale(self, count: int, addends: int, width: int) -> tuple[Array, Array, Array]:
        """Integers whose sums stay in int32 and whose scores are small, in one of three widths."""
        top = self.pick((127, 2**15 - 1, (2**31 - 1) // addends))
        kinds = [t for t in (np.int8, np.int16, np.int32) if np.iinfo(t).max >= top]
        values = self.rng.integers(-top, top + 1, count).astype(self.pick(tuple(kinds)))
        sign = self.rng.choice([-1.0, 1.0, 1.0], width)
        scale = sign * self.rng.uniform(0.3, 6, width) / (top * np.sqrt(addends))
        return values, float32(scale), float32(self.rng.normal(0, 0.5, width))

    def forest(self, leaf_counts: list[int], targets: list[Any], width: int) -> dict[str, Any]:
        """What both tree ops share, for trees with these leaves and targets."""
        sizes = [count * len(own) for count, own in zip(leaf_counts, targets, strict=True)]
        leaves, scale, bias = self.integers_and_scale(sum(sizes), max(1, len(sizes)), width)
        return {
            "leaves": leaves,
            "leaf_offsets": np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32),
            "targets": np.concatenate([[], *targets]).astype(np.int32),
            "target_offsets": np.concatenate([[0], np.cumsum([len(t) for t in targets])]).astype(np.int32),
            "scale": scale,
            "bias": bias,
        }


def feature_stage(draft: Draft) -> None:
    """First ops of every column, then random ops between features."""
    for number, column in enumerate(draft.builder.columns):
        if column.dtype == "float64":
            shift = draft.pick((0.0, 1.7e9, float(draft.rng.normal(0, 5))))
            draft.add(o.Rescale((number,), shift, draft.pick((1.0, 1e-3, 1.0 / 86400.0, 1.0 / 3.0))))
        elif column.dtype == "int64":
            for part in draft.rng.choice(list(o.DateField), int(draft.rng.integers(1, 4))):
                draft.add(o.DatePart((number,), o.DateField(part)))
        elif column.dtype == "string":
            known = [CATEGORIES[i] for i in draft.rng.permutation(len(CATEGORIES)) if CATEGORIES[i]]
            draft.add(o.Encode((number,), tuple(known[: int(draft.rng.integers(0, 9))])))
            if draft.chance(0.4):
                draft.add(o.TextCount((number,), draft.pick(tuple(o.TextField))))
            if draft.chance(0.4):
                _token_score(draft, number)
    for _ in range(int(draft.rng.integers(0, 2 * draft.size + 1))):
        draft.pick(FEATURE_OPS)(draft)


def _token_score(draft: Draft, column: int) -> None:
    """Weights of some words, and of pairs of them, of the texts that hostile rows hold."""
    words = [TOKENS[i] for i in draft.rng.permutation(len(TOKENS))[: int(draft.rng.integers(0, len(TOKENS) + 1))]]
    width, dtype = int(draft.rng.integers(1, 4)), draft.pick((np.int8, np.int16))
    top = np.iinfo(dtype).max
    weights = draft.rng.integers(-top, top + 1, (len(words), width)).astype(dtype)
    scale, bias = float32(draft.rng.uniform(0.1, 3, width) / top), float32(draft.rng.normal(0, 1, width))
    draft.add(o.TokenScore((column,), tuple(words), weights, scale, bias, draft.pick((1, 2, 100))))


def _cross(draft: Draft) -> None:
    narrow = tuple(n for n in draft.of(DType.CODE, DType.BIN, width=1) if draft.levels(n)[0] <= 64)
    if narrow:
        a, b = draft.pick(narrow), draft.pick(narrow)
        draft.add(o.Cross((a, b), draft.levels(b)[0]))


def _lookup_floats(draft: Draft) -> None:
    codes = draft.of(DType.CODE, DType.BIN, width=1)
    if codes:
        code = draft.pick(codes)
        table = float32(draft.rng.normal(0, 3, (draft.levels(code)[0], int(draft.rng.integers(1, 4)))))
        table[draft.rng.random(table.shape) < 0.05] = np.nan
        draft.add(o.Lookup((code,), table))


def _lookup_bins(draft: Draft) -> None:
    codes = draft.of(DType.CODE, DType.BIN, width=1)
    if codes:
        draft.folded(draft.pick(codes), int(draft.rng.integers(1, 3)))


def _arithmetic(draft: Draft) -> None:
    floats = draft.of(DType.FLOAT32)
    if floats:
        a = draft.pick(floats)
        b = draft.pick(draft.of(DType.FLOAT32, width=draft.width(a)))
        draft.add(o.Arithmetic((a, b), draft.pick(tuple(o.ArithmeticKind))))


def _with_constant(draft: Draft) -> None:
    floats = draft.of(DType.FLOAT32)
    if floats:
        value, kind = draft.pick(floats), draft.pick(tuple(o.ArithmeticKind))
        constant = float32(draft.rng.choice([0.0, -0.0, 1.0, -1.0, 0.1, 7.0, 1e-38, 3e38], draft.width(value)))
        draft.add(o.WithConstant((value,), kind, constant, draft.pick((False, True))))


def _impute(draft: Draft) -> None:
    floats = draft.of(DType.FLOAT32)
    if floats:
        value = draft.pick(floats)
        draft.add(o.Impute((value,), float32(draft.rng.choice([0.0, -1.0, 2.5, 1e9], draft.width(value)))))


def _clip(draft: Draft) -> None:
    floats = draft.of(DType.FLOAT32)
    if floats:
        value = draft.pick(floats)
        low = draft.rng.choice([-np.inf, -4.0, 0.0, 1.0], draft.width(value))
        high = np.maximum(low, -9.0) + draft.rng.choice([0.0, 1.0, 100.0, np.inf], draft.width(value))
        draft.add(o.Clip((value,), float32(low), float32(high)))


def _concat(draft: Draft) -> None:
    numbers = draft.of(DType.FLOAT32)
    if numbers:
        draft.join(numbers, 3)


def _bin(draft: Draft) -> None:
    floats = draft.of(DType.FLOAT32)
    if floats:
        draft.binned(draft.pick(floats))


FEATURE_OPS = (_cross, _lookup_floats, _lookup_bins, _arithmetic, _with_constant, _impute, _clip, _concat, _bin)
