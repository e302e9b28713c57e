"""Reads a user's feature, `name = expression`, into a small tree. Nothing of the text is ever run.

    ratio = debt / (income + 1)
    `night ride` = (pickup.hour >= 22) + (pickup.hour < 6)

| written                          | means                                                                        |
|----------------------------------|------------------------------------------------------------------------------|
| `age`, `` `hours per week` ``    | a column, or a feature defined before; a backquote inside is written twice   |
| `pickup.hour`                    | a part of a date: year, month, day, weekday, day_of_year, hour, minute, ...  |
| `dropoff - pickup`               | the time between two dates, in seconds                                       |
| `+ - * /`, `//`, `%`, `-x`       | arithmetic; `a // b` is `floor(a / b)`, `a % b` is `a - b * floor(a / b)`    |
| `< <= > >= == !=`                | 1 where it holds, else 0                                                     |
| `abs floor min max`              | functions; min and max take two or more                                      |

Each step rounds to float32. Where a value is missing, so is what is made of it. x / 0 is infinite, which learners see
as the largest finite number; 0 / 0 is missing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, NoReturn

from lean_automl.data.notes import did_you_mean
from lean_automl.errors import ConfigError

MOST_TOKENS: Final = 200
FUNCTIONS: Final = {"abs": 1, "floor": 1, "min": 2, "max": 2}  # name -> fewest arguments
COMPARISONS: Final = ("<", "<=", ">", ">=", "==", "!=")
SUMS: Final = ("+", "-")
PRODUCTS: Final = ("*", "/", "//", "%")
NOT_EXACT: Final = frozenset(
    (
        *("log", "log1p", "log2", "log10", "ln", "exp", "expm1", "exp2", "sqrt", "cbrt", "pow", "power"),
        *("sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh", "tanh"),
    )
)
_TOKEN: Final = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(?![\w.])"
    r"|(?P<name>[^\W\d]\w*)"
    r"|`(?P<quoted>(?:[^`]|``)+)`"
    r"|(?P<sign>\*\*|//|<=|>=|==|!=|[-+*/%<>=(),.]))"
)


@dataclass(frozen=True, slots=True)
class Literal:
    """A number."""

    value: float


@dataclass(frozen=True, slots=True)
class Name:
    """A column, a feature or a part of a date; `at` is its position in the text, as for all nodes."""

    name: str
    part: str | None
    at: int


@dataclass(frozen=True, slots=True)
class Binary:
    """Two operands around a sign, or two arguments of `min` or `max`."""

    sign: str
    left: Node
    right: Node
    at: int


@dataclass(frozen=True, slots=True)
class Unary:
    """`-`, `abs` or `floor` of an operand."""

    sign: str
    operand: Node
    at: int


Node = Literal | Name | Binary | Unary


@dataclass(frozen=True, slots=True)
class Expression:
    """A feature as it was written.

    Attributes:
        name: Of the feature.
        text: All of it, for messages and reports.
        root: What it computes.
    """

    name: str
    text: str
    root: Node

    def refuse(self, at: int, problem: str) -> NoReturn:
        """Raise the `ConfigError` of a problem at a position."""
        refuse(self.text, at, problem)


def refuse(text: str, at: int, problem: str) -> NoReturn:
    """Raise the `ConfigError` of a problem, with the text and the position in it."""
    raise ConfigError(f"--feature: {text!r:.80}, character {at + 1}: {problem}")


def parse(text: str) -> Expression:
    """The feature that a text defines.

    Raises:
        ConfigError: It is no such text; says where it stops being one.
    """
    parser = _Parser(text)
    name = parser.defined_name()
    root = parser.comparison()
    parser.end()
    return Expression(name, text, root)


def parse_all(texts: tuple[str, ...]) -> tuple[Expression, ...]:
    """Several features.

    Raises:
        ConfigError: A text is none, or a name is defined twice.
    """
    found: dict[str, Expression] = {}
    for text in texts:
        expression = parse(text)
        if expression.name in found:
            raise ConfigError(f"--feature: {expression.name!r} is defined twice. Give each feature a name of its own.")
        found[expression.name] = expression
    return tuple(found.values())


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    at, end = 0, len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            at += len(text[at:]) - len(text[at:].lstrip())
            if text[at] in "'\"":
                refuse(text, at, "text in quotes is not supported: expressions calculate with numbers and dates.")
            refuse(text, at, f"{text[at]!r} is not expected here. Put names with other signs between backquotes.")
        kind = match.lastgroup
        tokens.append(
            _Token(kind, match[kind].replace("``", "`") if kind == "quoted" else match[kind], match.start(kind))
        )
        at = match.end()
    if len(tokens) > MOST_TOKENS:
        refuse(text, 0, f"the expression has {len(tokens)} parts, at most {MOST_TOKENS} are allowed. Split it in two.")
    return [*tokens, _Token("end", "", end)]


class _Parser:
    """Recursive descent, one function for each level of binding."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _tokens(text)
        self._next = 0

    def defined_name(self) -> str:
        name, equals = self._take(), self._peek()
        if name.kind not in ("name", "quoted") or equals.text != "=":
            refuse(self._text, 0, "this is not NAME = EXPRESSION, such as ratio = debt / (income + 1).")
        self._take()
        return name.text

    def end(self) -> None:
        token = self._peek()
        if token.text in COMPARISONS:
            refuse(self._text, token.at, "comparisons cannot be chained. Multiply two: (1 < x) * (x < 5).")
        if token.kind != "end":
            refuse(self._text, token.at, f"{token.text!r} is not expected here.")

    def comparison(self) -> Node:
        left = self._sum()
        token = self._peek()
        if token.text == "=":
            refuse(self._text, token.at, "'=' is not expected here. To compare, write ==.")
        if token.kind != "sign" or token.text not in COMPARISONS:
            return left
        self._take()
        return Binary(token.text, left, self._sum(), token.at)

    def _sum(self) -> Node:
        left = self._product()
        while (token := self._peek()).kind == "sign" and token.text in SUMS:
            self._take()
            left = Binary(token.text, left, self._product(), token.at)
        return left

    def _product(self) -> Node:
        left = self._signed()
        while (token := self._peek()).kind == "sign" and token.text in PRODUCTS:
            self._take()
            left = Binary(token.text, left, self._signed(), token.at)
        if token.text == "**":
            refuse(self._text, token.at, "powers are not supported. Write x * x.")
        return left

    def _signed(self) -> Node:
        token = self._peek()
        if token.kind != "sign" or token.text not in SUMS:
            return self._operand()
        self._take()
        operand = self._signed()
        return operand if token.text == "+" else Unary("-", operand, token.at)

    def _operand(self) -> Node:
        token = self._take()
        if token.kind == "number":
            return Literal(float(token.text))
        if token.kind == "name" and self._peek().text == "(":
            return self._call(token)
        if token.kind in ("name", "quoted"):
            return self._name(token)
        if token.text == "(":
            inner = self.comparison()
            self._expect(")")
            return inner
        missing = "the expression ends too early" if token.kind == "end" else f"{token.text!r} is not expected here"
        refuse(self._text, token.at, f"{missing}: a column, a number or ( has to follow.")

    def _name(self, token: _Token) -> Name:
        if self._peek().text != ".":
            return Name(token.text, None, token.at)
        self._take()
        part = self._take()
        if part.kind != "name":
            refuse(self._text, part.at, "a part of a date has to follow the dot, such as pickup.hour.")
        return Name(token.text, part.text, token.at)

    def _call(self, function: _Token) -> Node:
        if function.text.lower() in NOT_EXACT:
            refuse(
                self._text,
                function.at,
                f"{function.text} is not supported: its last bits differ from machine to machine, and every export has "
                "to say the same. Trees see no difference; for other models give the column with it applied.",
            )
        if function.text not in FUNCTIONS:
            refuse(
                self._text, function.at, f"{function.text!r} is not a function.{did_you_mean(function.text, FUNCTIONS)}"
            )
        self._take()
        arguments = [self.comparison()]
        while self._peek().text == ",":
            self._take()
            arguments.append(self.comparison())
        self._expect(")")
        fewest = FUNCTIONS[function.text]
        if len(arguments) < fewest or (fewest == 1 and len(arguments) > 1):
            wanted = "one argument" if fewest == 1 else "two arguments or more"
            refuse(self._text, function.at, f"{function.text} takes {wanted}, got {len(arguments)}.")
        if fewest == 1:
            return Unary(function.text, arguments[0], function.at)
        node = arguments[0]
        for argument in arguments[1:]:
            node = Binary(function.text, node, argument, function.at)
        return node

    def _expect(self, sign: str) -> None:
        token = self._take()
        if token.text != sign or token.kind != "sign":
            refuse(self._text, token.at, f"{sign!r} is missing here.")

    def _peek(self) -> _Token:
        return self._tokens[self._next]

    def _take(self) -> _Token:
        token = self._tokens[self._next]
        self._next = min(self._next + 1, len(self._tokens) - 1)
        return token
