"""From lines of a plan to C statements: each calls a function of the kernel on slots and tables.

`f`, `i` and `b` are the float, int and byte slots of a row; raw float64 and time columns are read from the row itself.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from lean_automl_runtime.native.block import Table
from lean_automl_runtime.native.values import ARITHMETIC, BYTES, DATE_PARTS, DOUBLES, INTS, LONGS, TEXT_FIELDS

from lean_automl_exporters.c.small_weights import in_powers_of_two
from lean_automl_exporters.c.tables import Tables, doubles, scalar

if TYPE_CHECKING:
    from lean_automl_runtime.native.plan import Line

FORMS: Final = ("ONE", "ROW", "SPARSE")
SPARSE: Final = 2
SUFFIX: Final = {"b": "i8", "h": "i16", "i": "i32"}
SLOTS: Final = {0: "f", INTS: "i", BYTES: "b"}
LONGEST_UNROLLED: Final = 4
LARGEST_BYTE: Final = 255
SHORT_TEXTS: Final = 2**16  # bytes of all texts of a dictionary
WORD: Final = 8  # bytes that texts are compared by
_TEXT: Final = ("text", "length")


class Writer:
    """Statements of one function, and what they need.

    Attributes:
        tables: Arrays that statements name.
        parts: Parts of the kernel.
        raw: C expression of each raw float64 and time column, by kind of slot and slot.
    """

    def __init__(self, prefix: str, tables: Tables, raw: dict[tuple[int, int], str]) -> None:
        self.prefix = prefix
        self.tables = tables
        self.parts: set[str] = set()
        self.raw = raw

    def statement(self, line: Line) -> str:
        """C for a line."""
        return _STATEMENTS[line.op](self, *line.args)

    def text_step(self, step: Line) -> str:
        """C for a step on a text, inside the function that reads it."""
        if step.op == "COUNT":
            field, at = step.args
            return f"read.n[{at}] = {self.call('count_text', self.constant(TEXT_FIELDS[int(field)].upper()), *_TEXT)};"  # type: ignore[arg-type]
        _, texts, starts, slots, mask, weights, _, width, limit, at = step.args
        find, starts, slots = narrowed(starts, slots)  # type: ignore[arg-type]
        part = f"tokens{find.removeprefix('find')}_{SUFFIX[weights.kind]}"  # type: ignore[union-attr]
        names = map(self.table, (padded(texts), starts, slots))  # type: ignore[arg-type]
        numbers = (f"{mask}u", self.table(weights), width, limit)  # type: ignore[arg-type]
        return self.call(part, *_TEXT, *names, *numbers, f"read.n + {at}") + ";"

    def call(self, part: str, *args: object) -> str:
        """A call of the function of the kernel that its part is named after."""
        self.parts.add(part)
        return f"{self.prefix}_la_{part}({', '.join(str(a) for a in args)})"

    def constant(self, name: str) -> str:
        """A constant of the kernel."""
        return f"{self.prefix.upper()}_LA_{name}"

    def table(self, table: Table) -> str:
        """Name of an array."""
        return self.tables.name(table)


def narrowed(starts: Table, slots: Table) -> tuple[str, Table, Table]:
    """Which `find` of the kernel searches a dictionary, and its starts and slots in the types that it takes."""
    ends, codes = starts.numbers(), slots.numbers()
    if max(codes) <= LARGEST_BYTE and ends[-1] < SHORT_TEXTS:
        short = ends[-1] <= LARGEST_BYTE
        return "find8" if short else "find8_long", Table.of("B" if short else "H", ends), Table.of("B", codes)
    return "find16" if slots.kind == "H" else "find32", starts, slots


def padded(texts: Table) -> Table:
    """Texts of a dictionary: compilers see that 8 bytes would not fit in less, and not that no text has as many."""
    return Table("B", texts.data.ljust(WORD, b"\0"))


def _small(space: int, slot: int) -> str:
    return f"{SLOTS[space]}[{slot}]"


def _each(count: int, statement: Callable[[object], str]) -> str:
    """A statement for each index below `count`."""
    if count <= LONGEST_UNROLLED:
        return "\n".join(statement(j) for j in range(count))
    return f"for (j = 0; j < {count}; j++) {{\n    {statement('j')}\n}}"


def _at(slot: int, j: object) -> str:
    return f"{slot + j}" if isinstance(j, int) else f"{slot} + {j}"


def _rescale(w: Writer, x: int, out: int, numbers: Table) -> str:
    return f"f[{out}] = {w.call('rescale', w.raw[DOUBLES, x], *doubles(numbers))};"


def _key_date(w: Writer, x: int, out: int, part: int) -> str:
    return f"f[{out}] = {w.call('key_date', w.raw[LONGS, x], w.constant(DATE_PARTS[part].upper()))};"


def _date(w: Writer, x: int, out: int, part: int) -> str:
    return f"f[{out}] = {w.call('date', w.raw[LONGS, x], w.constant(DATE_PARTS[part].upper()))};"


def _recode(w: Writer, x: int, out: int, levels: int, codes: Table) -> str:  # noqa: ARG001
    return f"i[{out}] = {w.table(codes)}[i[{x}]];"


def _cross(w: Writer, *args: int) -> str:  # noqa: ARG001
    space_a, a, space_b, b, stride, out = args
    return f"i[{out}] = {_small(space_a, a)} * {stride} + {_small(space_b, b)};"


def _look_up(slots: str) -> Callable[..., str]:
    def statement(w: Writer, *args: Any) -> str:
        space, x, _, width, table, out = args
        name, row = w.table(table), _small(space, x)
        if width == 1:
            return f"{slots}[{out}] = {name}[{row}];"
        return _each(width, lambda j: f"{slots}[{_at(out, j)}] = {name}[{row} * {width} + {j}];")

    return statement


def _arithmetic(w: Writer, kind: int, a: int, b: int, n: int, out: int) -> str:
    name = w.constant(ARITHMETIC[kind].upper())
    return w.call("arithmetic", name, f"f + {a}", f"f + {b}", n, f"f + {out}") + ";"


def _constant(w: Writer, numbers: Table, n: int, out: int) -> str:
    if n == 1:
        return f"f[{out}] = {scalar(numbers)};"
    name = w.table(numbers)
    return _each(n, lambda j: f"f[{_at(out, j)}] = {name}[{j}];")


def _limit(function: str) -> Callable[..., str]:
    def statement(w: Writer, x: int, n: int, *args: Any) -> str:
        *tables, out = args
        return w.call(function, f"f + {x}", n, *map(w.table, tables), f"f + {out}") + ";"

    return statement


def _clip(w: Writer, x: int, n: int, low: Table, high: Table, out: int) -> str:
    """Columns with the same limits, as those of a layer behind a ReLU, need no tables of them."""
    if all(table.data == table.data[:4] * n for table in (low, high)):  # of 0 and -0 each stays what it is
        return w.call("clip_all", f"f + {x}", n, scalar(low), scalar(high), f"f + {out}") + ";"
    return w.call("clip", f"f + {x}", n, w.table(low), w.table(high), f"f + {out}") + ";"


def _copy(w: Writer, *args: int) -> str:  # noqa: ARG001
    space, x, n, to, out = args
    cast = "(uint8_t)" if (space, to) == (INTS, BYTES) else ""
    return _each(n, lambda j: f"{SLOTS[to]}[{_at(out, j)}] = {cast}{SLOTS[space]}[{_at(x, j)}];")


def _key_bin(function: str, slots: str) -> Callable[..., str]:
    def statement(w: Writer, x: int, n: int, *args: Any) -> str:
        *tables, out = args
        return w.call(function, f"f + {x}", n, *map(w.table, tables), f"{slots} + {out}") + ";"

    return statement


def _bin(function: str, slots: str) -> Callable[..., str]:
    def statement(w: Writer, x: int, n: int, *args: Any) -> str:
        *tables, out = args
        offsets = tables[1].numbers().tolist()
        most = max((b - a for a, b in pairwise(offsets)), default=0)
        names = map(w.table, tables)
        return w.call(function, f"f + {x}", n, most, *names, f"{slots} + {out}") + ";"

    return statement


def _few_bins(function: str) -> Callable[..., str]:
    def statement(w: Writer, x: int, n: int, edges: Table, counts: Table, nans: Table, out: int) -> str:
        missing = w.table(nans) if len(nans) else "NULL"
        return w.call(function, f"f + {x}", n, w.table(edges), w.table(counts), missing, f"b + {out}") + ";"

    return statement


def _steps(w: Writer, x: int, n: int, counts: Table, out: int) -> str:
    return w.call("steps", f"b + {x}", n, w.table(counts), f"b + {out}") + ";"


def _few_trees(w: Writer, *args: Any) -> str:
    x, sums, trees, depth, form, k, first, splits, leaves, targets = args
    names = (w.table(splits), trees, depth, w.table(leaves))
    tail = _form(w, form, k, first, targets)
    return w.call(f"few_trees_{SUFFIX[leaves.kind]}", f"b + {x}", *names, *tail, f"i + {sums}") + ";"


def _zero(w: Writer, sums: int, n: int) -> str:  # noqa: ARG001
    return f"i[{sums}] = 0;" if n == 1 else f"memset(i + {sums}, 0, {n} * sizeof i[0]);"


def _form(w: Writer, form: int, k: int, first: int, targets: Table) -> tuple[object, ...]:
    return w.constant(FORMS[form]), k, first, w.table(targets) if form == SPARSE else "NULL"


def _trees(bits: int, slots: str) -> Callable[..., str]:
    def statement(w: Writer, *args: Any) -> str:
        x, width, sums, trees, depth, form, k, first, features, bins, leaves, _, targets = args
        part = f"oblivious{bits}_{SUFFIX[leaves.kind]}"
        splits = (w.table(features), w.table(bins), trees, depth)
        tail = _form(w, form, k, first, targets)
        return w.call(part, f"{slots} + {x}", width, *splits, w.table(leaves), *tail, f"i + {sums}") + ";"

    return statement


def _ragged(bits: int, keys: str = "") -> Callable[..., str]:
    def statement(w: Writer, *args: Any) -> str:
        x, _, sums, trees, form, k, first, _, features, thresholds, children, roots, leaves, _, targets = args
        near = in_bytes(features, children) if leaves.kind in "bh" else None
        features, children = near or (features, children)
        part = f"{keys}ragged{bits if near is None else 8}_{SUFFIX[leaves.kind]}"
        names = (*map(w.table, (features, thresholds, children, roots)), f"{w.table(roots)} + {trees}", trees)
        tail = _form(w, form, k, first, targets)
        return w.call(part, f"f + {x}", *names, w.table(leaves), *tail, f"i + {sums}") + ";"

    return statement


def _binned(w: Writer, *args: Any) -> str:
    x, sums, trees, form, first, nodes, sizes, targets = args
    part = f"binned{8 if nodes.kind == 'B' else 16}_{'each' if form == SPARSE else 'one'}"
    to = w.table(targets) if form == SPARSE else first
    return w.call(part, f"b + {x}", w.table(nodes), w.table(sizes), trees, to, f"i + {sums}") + ";"


def in_bytes(features: Table, children: Table) -> tuple[Table, Table] | None:
    """What nodes ask and their children in bytes, inner children counted from their node; None if they do not fit."""
    own = features.numbers().tolist()
    near = [c if c < 0 else c - place // 2 for place, c in enumerate(children.numbers().tolist())]
    if max(own, default=0) > 255 or min(near, default=0) < -128 or max(near, default=0) > 127:
        return None
    return Table.of("B", own), Table.of("b", near)


def _tables(bits: int, slots: str) -> Callable[..., str]:
    def statement(w: Writer, *args: Any) -> str:
        x, _, sums, terms, width, numbers, values, _ = args
        part = f"tables{bits}_{SUFFIX[values.kind]}"
        names = (w.table(numbers), terms, width, w.table(values))
        return w.call(part, f"{slots} + {x}", *names, f"i + {sums}") + ";"

    return statement


def _score(w: Writer, sums: int, n: int, scale: Table, bias: Table, out: int) -> str:
    return w.call("score", f"i + {sums}", n, w.table(scale), w.table(bias), f"f + {out}") + ";"


def _dense(w: Writer, *args: Any) -> str:
    x, n, weight, bias, k, relu, out = args
    small = in_powers_of_two(weight, n)
    if small is not None:
        names = (*map(w.table, small), w.table(bias))
        return w.call("dense8", f"f + {x}", n, *names, k, relu, f"f + {out}") + ";"
    return w.call("dense", f"f + {x}", n, w.table(weight), w.table(bias), k, relu, f"f + {out}") + ";"


def _dot(w: Writer, a: int, z: int, n: int, out: int) -> str:
    return f"f[{out}] = {w.call('dot', f'f + {a}', f'f + {z}', n)};"


def _blend(w: Writer, *args: Any) -> str:
    total, bias, x, weight, n, out = args
    begin = w.table(bias) if total < 0 else f"f + {total}"
    return w.call("blend", begin, f"f + {x}", scalar(weight), n, f"f + {out}") + ";"


def _sigmoid(w: Writer, x: int, out: int) -> str:
    return w.call("sigmoid", f"f[{x}]", f"f + {out}") + ";"


def _softmax(w: Writer, x: int, n: int, out: int) -> str:
    return w.call("softmax", f"f + {x}", n, f"f + {out}") + ";"


def _exponential(w: Writer, x: int, n: int, out: int) -> str:
    return w.call("exponential", f"f + {x}", n, f"f + {out}") + ";"


def _label(w: Writer, x: int, n: int, out: int) -> str:
    return f"i[{out}] = {w.call('label', f'f + {x}', n)};"


def _above(w: Writer, x: int, threshold: Table, out: int) -> str:  # noqa: ARG001
    return f"i[{out}] = f[{x + 1}] > {scalar(threshold)};"


def _decide(w: Writer, sums: int, turn: int, rising: int, out: int) -> str:  # noqa: ARG001
    return f"i[{out}] = i[{sums}] {'>=' if rising else '<'} {turn};"


def _greatest(w: Writer, sums: int, n: int, scale: Table, bias: Table, out: int) -> str:
    return f"i[{out}] = {w.call('greatest', f'i + {sums}', w.table(scale), w.table(bias), n)};"


_STATEMENTS: Final[dict[str, Callable[..., str]]] = {
    "RESCALE": _rescale,
    "DATE": _date,
    "RECODE": _recode,
    "CROSS": _cross,
    "LOOKUP_F": _look_up("f"),
    "LOOKUP_B": _look_up("b"),
    "LOOKUP_I": _look_up("i"),
    "CONSTANT": _constant,
    "ARITHMETIC": _arithmetic,
    "IMPUTE": _limit("impute"),
    "CLIP": _clip,
    "COPY": _copy,
    "BIN_B": _bin("bin8", "b"),
    "BIN_I": _bin("bin32", "i"),
    "ZERO": _zero,
    "TREES_B": _trees(8, "b"),
    "TREES_I": _trees(32, "i"),
    "RAGGED_H": _ragged(16),
    "RAGGED_I": _ragged(32),
    "RAGGED_B": _binned,
    "TABLES_B": _tables(8, "b"),
    "TABLES_I": _tables(32, "i"),
    "SCORE": _score,
    "DENSE": _dense,
    "DOT": _dot,
    "BLEND": _blend,
    "SIGMOID": _sigmoid,
    "SOFTMAX": _softmax,
    "EXPONENTIAL": _exponential,
    "LABEL": _label,
    "ABOVE": _above,
    "FEW_BINS": _few_bins("few_bins"),
    "STEPS": _steps,
    "FEW_TREES": _few_trees,
    # Without floats, `f` holds keys.
    "KEY_DATE": _key_date,
    "KEY_LOOKUP_F": _look_up("f"),
    "KEY_IMPUTE": _limit("key_impute"),
    "KEY_CLIP": _limit("key_clip"),
    "KEY_BIN_B": _key_bin("key_bin8", "b"),
    "KEY_BIN_I": _key_bin("key_bin32", "i"),
    "KEY_FEW_BINS": _few_bins("key_few_bins"),
    "KEY_RAGGED_H": _ragged(16, "key_"),
    "KEY_RAGGED_I": _ragged(32, "key_"),
    "DECIDE": _decide,
    "GREATEST": _greatest,
}
