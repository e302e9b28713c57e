"""Text that is safe in C, whatever a column, a category or a label is called.

Identifiers are built from ASCII letters, digits and single underscores only; literals spell every byte that is not
plainly harmless as an octal escape; comments lose whatever is not on a short list. Nothing else of a caller's text
gets into a file.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

LONGEST_NAME: Final = 40
LONGEST_LITERAL: Final = 4000  # C99 promises 4095
# Keywords of C and C++ up to C23 and C++23, and lower-case macros of common systems and headers.
_WORDS: Final = """
    alignas alignof and and_eq asm assert atomic auto bitand bitor bool break case catch char char8_t char16_t
    char32_t class compl complex concept const const_cast consteval constexpr constinit continue co_await co_return
    co_yield decltype default delete do double dynamic_cast else enum errno explicit export extern false far float
    for friend goto huge i386 if imaginary import inline int interface isfinite isinf isnan linux long main max min
    module mutable namespace near new noexcept noreturn not not_eq null nullptr offsetof operator or or_eq pascal
    private protected public register reinterpret_cast requires restrict return setjmp short signals signbit signed
    sizeof slots small static static_assert static_cast stderr stdin stdout struct switch template this thread_local
    throw true try typedef typeid typename typeof typeof_unqual union unix unsigned using va_arg virtual void
    volatile vax wchar_t while xor xor_eq
    """
RESERVED: Final = frozenset(_WORDS.split())
_PLAIN: Final = frozenset(range(0x20, 0x7F)) - frozenset(b'"\\?%')


def identifier(text: str, fallback: str) -> str:
    """A lower-case identifier that resembles the text."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii").lower()
    name = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:LONGEST_NAME].strip("_")
    if not name:
        return fallback
    if name[0].isdigit():
        name = f"n{name}"
    return f"{name}_" if name in RESERVED else name


class Names:
    """Identifiers of one scope, each given once."""

    def __init__(self, taken: set[str] | None = None) -> None:
        self._taken = set(taken or ())

    def take(self, name: str) -> str:
        """The name, or the name with the lowest number that makes it new."""
        unique, number = name, 2
        while unique in self._taken:
            unique = f"{name.rstrip('_')}_{number}"
            number += 1
        self._taken.add(unique)
        return unique


def literal(text: str) -> str:
    """A C string literal of the text's UTF-8 bytes; an initialiser list where it is too long for a literal."""
    raw = text.encode("utf-8", "surrogatepass")
    if len(raw) <= LONGEST_LITERAL:
        return '"' + "".join(chr(b) if b in _PLAIN else f"\\{b:03o}" for b in raw) + '"'
    return "{" + ", ".join(f"'\\{b:03o}'" for b in raw) + ", '\\000'}"


def comment(text: str) -> str:
    """Text for a comment: letters, digits and a few signs, cut at 60 characters."""
    safe = re.sub(r"[^A-Za-z0-9 .,:_+<>=()%$#@&!~^;'\[\]{}-]", "_", text)
    return safe if len(safe) <= 60 else f"{safe[:57]}..."
