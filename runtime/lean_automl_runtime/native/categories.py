"""Dictionaries of categories: the open-addressing table that `la_find16` and `la_find32` search.

A string column has one dictionary, whatever number of ops encode it: the engine, or the caller of an exported
header, looks a text up once.
"""

from lean_automl_runtime.native.block import Table
from lean_automl_runtime.native.values import CODE_FIRST

FACTOR = 0x9E3779B97F4A7C15
MASK64 = 2**64 - 1


def hash_text(text: bytes) -> int:
    """As `la_hash`."""
    n = len(text)
    value = n * FACTOR & MASK64
    if n >= 8:
        for start in range(0, n - 8, 8):
            value = (value ^ int.from_bytes(text[start : start + 8], "little")) * FACTOR & MASK64
            value ^= value >> 32
        last = text[-8:]
    elif n >= 4:
        last = text[:4] + text[-4:]
    else:
        last = bytes((text[0], text[n // 2], text[-1])) if n else b""
    return ((value ^ int.from_bytes(last, "little")) * FACTOR & MASK64) >> 32


class Dictionary:
    """Categories in order of their codes, which begin at 2.

    Attributes:
        categories: The texts.
        texts: Their UTF-8 bytes, one after the other.
        starts: Where each begins, and where the last ends.
        slots: Codes by hash, 0 where free; at most half are taken, or three quarters.
        mask: Number of slots less one.
    """

    __slots__ = ("categories", "mask", "slots", "starts", "texts")

    def __init__(self, categories: tuple[str, ...], dense: bool = False) -> None:
        self.categories = categories
        encoded = [category.encode("utf-8", "surrogatepass") for category in categories]
        self.texts = Table("B", b"".join(encoded))
        starts = [0]
        for text in encoded:
            starts.append(starts[-1] + len(text))
        self.starts = Table.of("I", starts)
        size = 2
        while (3 * size < 4 * len(encoded)) if dense else (size < 2 * len(encoded)):
            size *= 2
        self.mask = size - 1
        slots = [0] * size
        for code, text in enumerate(encoded, CODE_FIRST):
            at = hash_text(text) & self.mask
            while slots[at]:
                at = (at + 1) & self.mask
            slots[at] = code
        self.slots = Table.of("H" if len(encoded) + CODE_FIRST <= 2**16 else "I", slots)

    def recode(self, categories: list[str]) -> Table:
        """From codes of this dictionary to those of an `Encode` op with other categories."""
        position = {category: code for code, category in enumerate(categories, CODE_FIRST)}
        return Table.of("i", [0, 1] + [position.get(category, 1) for category in self.categories])


def joined(lists: list[list[str]]) -> tuple[str, ...]:
    """All categories of several lists, each once, those of the first list first."""
    return tuple(dict.fromkeys([category for categories in lists for category in categories]))
