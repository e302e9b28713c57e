"""Words and counts of free text: the rules that every engine and exporter follows.

A *word* is a run of ASCII letters and digits and of all characters beyond ASCII; its ASCII capitals become small. Rules
that need tables of Unicode are left out on purpose: no engine could follow them byte for byte.
"""

from __future__ import annotations

import re
from itertools import islice, pairwise
from string import ascii_lowercase, ascii_uppercase
from typing import TYPE_CHECKING, Final

from lean_automl_runtime.ir.words import TextField

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST_TOKEN: Final = 64  # UTF-8 bytes
WORD: Final = re.compile("[0-9A-Za-z\x80-\U0010ffff]+")
TOKEN: Final = re.compile("[0-9a-z\x80-\U0010ffff]+(?: [0-9a-z\x80-\U0010ffff]+)?")
_SMALL: Final = str.maketrans(ascii_uppercase, ascii_lowercase)
_DIGIT: Final = re.compile("[0-9]")
_CAPITAL: Final = re.compile("[A-Z]")


def words_of(text: str, limit: int) -> list[str]:
    """The first `limit` words of a text."""
    return [match[0].translate(_SMALL) for match in islice(WORD.finditer(text), limit)]


def tokens_of(text: str, limit: int) -> list[str]:
    """The first `limit` words, and each two of them that follow each other, joined by a space."""
    words = words_of(text, limit)
    return words + [f"{first} {second}" for first, second in pairwise(words)]


def is_token(text: str) -> bool:
    """Whether `tokens_of` may find it, and it is not too long."""
    return TOKEN.fullmatch(text) is not None and len(text.encode("utf-8", "surrogatepass")) <= LONGEST_TOKEN


def _count_of(pattern: re.Pattern[str]) -> Callable[[str], int]:
    return lambda text: sum(1 for _ in pattern.finditer(text))


COUNTS: Final[dict[TextField, Callable[[str], int]]] = {
    TextField.LENGTH: len,
    TextField.WORDS: _count_of(WORD),
    TextField.DIGITS: _count_of(_DIGIT),
    TextField.CAPITALS: _count_of(_CAPITAL),
}
