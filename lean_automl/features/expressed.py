"""From users' expressions to features: names become columns, signs become arithmetic."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import singledispatchmethod
from typing import TYPE_CHECKING, Final, NoReturn

import numpy as np
from lean_automl_runtime.ir import Column, ColumnKind
from lean_automl_runtime.ir import ops as o
from lean_automl_runtime.reference import prepare

from lean_automl.data.notes import did_you_mean
from lean_automl.errors import ConfigError, InternalError
from lean_automl.features.expression import Binary, Expression, Literal, Name, Node, Unary, parse_all
from lean_automl.features.plan import (
    DateNumber,
    Expressed,
    FeaturePlan,
    Number,
    NumericFeature,
    Pair,
    Shifted,
    WithNumber,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lean_automl.data import Schema, Table

MOST_STEPS: Final = 1_000  # of arithmetic in one feature, those of features that it names counted in
DAY_SECONDS: Final = 86_400.0
K = o.ArithmeticKind
KINDS: Final = {
    "+": K.ADD,
    "-": K.SUBTRACT,
    "*": K.MULTIPLY,
    "/": K.DIVIDE,
    "//": K.FLOOR_DIVIDE,
    "min": K.MINIMUM,
    "max": K.MAXIMUM,
    "<": K.LESS,
    "<=": K.LESS_EQUAL,
    "==": K.EQUAL,
}
MIRRORED: Final = {">": "<", ">=": "<="}


@dataclass(frozen=True, slots=True)
class _Date:
    """A date column, which is no number yet."""

    column: str


Operand = float | _Date | NumericFeature


def express(texts: Sequence[str], schema: Schema, table: Table) -> FeaturePlan:
    """The features that expressions define.

    Args:
        texts: `name = expression`, as `expression` describes; each may use the names before it.
        schema: What the columns mean, and why some were left out.
        table: Training rows, for the range of columns that float32 cannot hold.

    Raises:
        ConfigError: An expression cannot be read, or names something that is no number; says where.
    """
    known: dict[str, tuple[Expressed, int]] = {}
    for expression in parse_all(tuple(texts)):
        taken = expression.name in table.names or expression.name == schema.target
        if taken:
            raise ConfigError(
                f"--feature: {expression.name!r} is a column of the table. Give the feature another name."
            )
        binder = _Binder(expression, schema, table, known)
        known[expression.name] = (Expressed(expression.name, expression.text, binder.feature()), binder.steps)
    return FeaturePlan(tuple(feature for feature, _ in known.values()), ())


class _Binder:
    """One expression on its way to a feature."""

    def __init__(
        self, expression: Expression, schema: Schema, table: Table, known: dict[str, tuple[Expressed, int]]
    ) -> None:
        self._expression, self._schema, self._table, self._known = expression, schema, table, known
        self._columns = {column.name: column for column in table.columns}
        self.steps = 0

    def feature(self) -> NumericFeature:
        value = self._bind(self._expression.root)
        if isinstance(value, float):
            self._expression.refuse(0, "the expression reads no column.")
        return self._number(value, self._expression.root)

    def _count(self, steps: int = 1) -> None:
        self.steps += steps
        if self.steps > MOST_STEPS:
            self._expression.refuse(0, f"the feature takes more than {MOST_STEPS:,} steps. Make it simpler.")

    def _number(self, value: Operand, node: Node) -> NumericFeature:
        """A value that has to be a feature of numbers."""
        if isinstance(value, _Date):
            at = node.at if isinstance(node, Name) else 0
            self._expression.refuse(
                at,
                f"{value.column!r} is a date. Take a part of it, such as {value.column}.hour, or the time between two "
                "dates (end - start, in seconds).",
            )
        if isinstance(value, float):
            raise InternalError("a number alone is no feature")
        return value

    @singledispatchmethod
    def _bind(self, node: object) -> Operand:
        raise InternalError(f"{type(node).__name__} is no part of an expression")

    @_bind.register
    def _(self, node: Literal) -> Operand:
        return node.value

    @_bind.register
    def _(self, node: Name) -> Operand:
        whole = node.name if node.part is None else f"{node.name}.{node.part}"
        if whole in self._known:
            feature, steps = self._known[whole]
            self._count(steps)
            return feature
        if whole in self._columns:
            return self._column(self._columns[whole], node)
        if node.part is None or node.name not in self._columns:
            self._unknown(node, whole)
        column = self._columns[node.name]
        if column.kind is not ColumnKind.DATETIME:
            self._expression.refuse(node.at, f"{node.name!r} is {column.kind.value}, so it has no part {node.part!r}.")
        if node.part not in tuple(o.DateField):
            fields = tuple(field.value for field in o.DateField)
            self._expression.refuse(node.at, f"{node.part!r} is not a part of a date.{did_you_mean(node.part, fields)}")
        return DateNumber(column.name, o.DateField(node.part))

    def _column(self, column: Column, node: Name) -> Operand:
        if column.kind in (ColumnKind.CATEGORICAL, ColumnKind.TEXT):
            self._expression.refuse(
                node.at,
                f"{column.name!r} is {column.kind.value}, and expressions calculate with numbers and dates. If it "
                f"holds numbers, say so: --column '{column.name}:numeric'.",
            )
        if column.kind is ColumnKind.DATETIME:
            return _Date(column.name)
        return Number(column.name) if column.dtype == "float32" else Shifted(column.name, shift=0.0, scale=1.0)

    def _unknown(self, node: Name, whole: str) -> NoReturn:
        for note in self._schema.notes:
            if note.column == whole:
                self._expression.refuse(node.at, f"column {whole!r} is left out: {note.found}; {note.done}.")
        if whole == self._schema.target:
            self._expression.refuse(node.at, f"{whole!r} is the target, which is not known when the model runs.")
        names = [*self._columns, *self._known]
        self._expression.refuse(node.at, f"{whole!r} is not a column that the model reads.{did_you_mean(whole, names)}")

    @_bind.register
    def _(self, node: Unary) -> Operand:
        before = self.steps
        value = self._bind(node.operand)
        if isinstance(value, float):
            return -value if node.sign == "-" else abs(value) if node.sign == "abs" else float(math.floor(value))
        feature = self._number(value, node.operand)
        if node.sign == "floor":
            return self._with(K.FLOOR_DIVIDE, feature, 1.0, node)
        if node.sign == "-":
            return self._with(K.MULTIPLY, feature, -1.0, node)
        self._count(self.steps - before)  # abs reads its operand twice
        return self._pair(K.MAXIMUM, self._with(K.MULTIPLY, feature, -1.0, node), feature)

    @_bind.register
    def _(self, node: Binary) -> Operand:
        before = self.steps
        left, right = self._bind(node.left), self._bind(node.right)
        if node.sign in MIRRORED:
            return self._combined(MIRRORED[node.sign], right, left, node)
        if node.sign == "!=":
            equal = self._combined("==", left, right, node)
            return 1.0 - equal if isinstance(equal, float) else self._with(K.SUBTRACT, equal, 1.0, node, first=True)
        if node.sign == "%":
            self._count(self.steps - before)  # both are read twice
            whole = self._combined("//", left, right, node)
            return self._combined("-", left, self._combined("*", right, whole, node), node)
        return self._combined(node.sign, left, right, node)

    def _combined(self, sign: str, left: Operand, right: Operand, node: Binary) -> Operand:
        kind = KINDS[sign]
        if isinstance(left, float) and isinstance(right, float):
            return self._folded(kind, left, right, node)
        if isinstance(left, _Date) and isinstance(right, _Date) and sign in ("-", "<", "<=", "=="):
            seconds = self._between(left, right, node)
            return seconds if sign == "-" else self._with(kind, seconds, 0.0, node)
        if isinstance(right, float):
            return self._with(kind, self._operand(left, node.left), right, node)
        if isinstance(left, float):
            return self._with(kind, self._operand(right, node.right), left, node, first=True)
        one, two = self._operand(left, node.left), self._operand(right, node.right)
        if isinstance(one, Shifted) and isinstance(two, Shifted) and kind is K.SUBTRACT:
            middle = self._middle(one.column, two.column)
            one, two = Shifted(one.column, middle, 1.0), Shifted(two.column, middle, 1.0)
        return self._pair(kind, one, two)

    def _operand(self, value: Operand, node: Node) -> NumericFeature:
        return self._number(value, node)

    def _pair(self, kind: o.ArithmeticKind, left: NumericFeature, right: NumericFeature) -> Pair:
        self._count()
        return Pair(kind, left, right)

    def _with(
        self, kind: o.ArithmeticKind, feature: Operand, constant: float, node: Binary | Unary, *, first: bool = False
    ) -> WithNumber:
        self._count()
        with np.errstate(over="ignore"):
            rounded = float(np.float32(constant))
        if not math.isfinite(rounded) or (rounded == 0.0 and constant != 0.0):
            self._expression.refuse(node.at, f"the number {constant:g} is out of the range of float32.")
        return WithNumber(kind, self._operand(feature, node), rounded, first)

    def _between(self, end: _Date, start: _Date, node: Binary) -> NumericFeature:
        """Seconds between two dates: days and seconds of the day are exact in float32, seconds since 1970 are not."""
        days, seconds = (
            self._pair(K.SUBTRACT, DateNumber(end.column, part), DateNumber(start.column, part))
            for part in (o.DateField.DAYS, o.DateField.SECONDS_OF_DAY)
        )
        return self._pair(K.ADD, self._with(K.MULTIPLY, days, DAY_SECONDS, node), seconds)

    def _folded(self, kind: o.ArithmeticKind, left: float, right: float, node: Binary) -> float:
        if kind in (K.DIVIDE, K.FLOOR_DIVIDE) and right == 0.0:
            self._expression.refuse(node.at, "this divides a number by zero.")
        folded = prepare(o.Arithmetic((0, 1), kind))(np.array([left]), np.array([right]))
        return float(folded[0])

    def _middle(self, *columns: str) -> float:
        """The middle of what columns hold, as a whole number: what both are shifted by before they are rounded."""
        values = np.concatenate([self._table.array(column) for column in columns])
        finite = values[np.isfinite(values)]
        return float(np.rint((finite.min() + finite.max()) / 2)) if finite.size else 0.0
