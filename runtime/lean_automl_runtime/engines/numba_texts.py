"""Texts to codes for the numba engine.

Columns of Python objects hold the same few objects again and again, so compiled code numbers the objects by their
addresses, and Python looks at each object once. Arrow looks its own texts up.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba import njit

from lean_automl_runtime.ir.ops import CODE_FIRST, CODE_MISSING, CODE_UNSEEN
from lean_automl_runtime.values import category_text

Array = np.ndarray[Any, np.dtype[Any]]

MOST_OBJECTS: Final = 1024  # with more than that in a column, hashing texts is as fast
PLACES: Final = 4 * MOST_OBJECTS  # a power of two
SHIFT: Final = np.uint64(64 - 12)  # leaves a place
MIX: Final = np.uint64(0x9E3779B97F4A7C15)
NO_OBJECT: Final = 1  # NumPy's null pointer stands for None; a table's 0 is a free place


class NumbaTexts:
    """A `columns.TextEncoder`.

    Args:
        categories: Of each string column, all that any op knows, by its number.
    """

    def __init__(self, categories: dict[int, tuple[str, ...]]) -> None:
        self._categories = categories
        self._codes = {number: Codes(own) for number, own in categories.items()}
        self._known: dict[int, tuple[Any, Array]] = {}

    def objects(self, number: int, values: Array) -> Array | None:
        """As the protocol."""
        objects, which = distinct_objects(values)
        if which is None:
            alike = set(map(type, values.tolist())) <= {str, type(None)}
            return self._looked_up(number, values) if alike else None
        try:
            texts = [category_text(value) for value in objects]
        except ValueError:
            return None
        return spread(self._looked_up(number, texts), which)

    def texts(self, number: int, values: Array) -> Array:
        """As the protocol."""
        objects, which = distinct_objects(values)
        return self._looked_up(number, values) if which is None else spread(self._looked_up(number, objects), which)

    def checked(self, number: int, values: Array) -> Array:
        """Codes of an array of texts or of codes, for `run`."""
        if values.dtype == object:
            return self.texts(number, values)
        end = len(self._categories[number]) + CODE_FIRST
        if not values.size or (values.min() >= 0 and values.max() < end):
            return values
        return np.where((values < 0) | (values >= end), CODE_UNSEEN, values)

    def recode(self, number: int, categories: tuple[str, ...] | None) -> Array:
        """From codes of a column to those of an op that knows fewer categories."""
        own = Codes(categories or ())
        return np.array([CODE_MISSING, CODE_UNSEEN, *(own[text] for text in self._categories[number])], dtype=np.int32)

    def _looked_up(self, number: int, texts: Any) -> Array:
        return np.fromiter(map(self._codes[number].__getitem__, texts), dtype=np.int32, count=len(texts))

    def arrow(self, number: int, chunk: Any) -> Array:
        """As the protocol."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if number not in self._known:
            texts = [*self._codes[number], None]  # as bytes: a category may hold what is not valid UTF-8
            known = pa.array([t if t is None else t.encode("utf-8", "surrogatepass") for t in texts], pa.binary())
            # The last is what `index_in` does not find, as position -1.
            own = np.array([*self._codes[number].values(), CODE_MISSING, CODE_UNSEEN], dtype=np.int32)
            self._known[number] = known, own
        known, own = self._known[number]
        if str(chunk.type) == "large_string":
            found = pc.index_in(chunk.view(pa.large_binary()), value_set=known.cast(pa.large_binary()))
        else:
            found = pc.index_in(chunk.view(pa.binary()), value_set=known)
        codes: Array = own[pc.fill_null(found, -1).to_numpy()]
        return codes


class Codes(dict[str | None, int]):
    """From categories to codes, the missing and the unseen included."""

    def __init__(self, categories: tuple[str, ...]) -> None:
        super().__init__({category: code for code, category in enumerate(categories, start=CODE_FIRST)})
        self[""] = CODE_MISSING

    def __missing__(self, text: str | None) -> int:
        return CODE_MISSING if text is None else CODE_UNSEEN


class _Addresses:
    """An array of objects as one of their addresses."""

    def __init__(self, values: Array) -> None:
        described = values.__array_interface__
        address = np.dtype(np.intp).str
        self.__array_interface__ = {**described, "typestr": address, "descr": [("", address)]}
        self._values = values


def distinct_objects(values: Array) -> tuple[list[Any], Array | None]:
    """Objects of an array, and for each element which it is; None if there are more than `MOST_OBJECTS`."""
    which = np.empty(values.shape[0], dtype=np.uint16)
    first = np.empty(MOST_OBJECTS, dtype=np.intp)
    count = _number_addresses(np.asarray(_Addresses(values)), first, which)
    return ([], None) if count < 0 else (values[first[:count]].tolist(), which)


def _number(addresses: Array, first: Array, which: Array) -> int:
    """Number addresses in order of their appearance; -1 if there are too many."""
    keys = np.zeros(PLACES, np.intp)
    numbers = np.zeros(PLACES, np.uint16)
    count = 0
    for row in range(addresses.shape[0]):
        key = addresses[row] if addresses[row] != 0 else NO_OBJECT
        place = np.intp((np.uint64(key) * MIX) >> SHIFT)
        while keys[place] != key:
            if keys[place] == 0:
                if count == MOST_OBJECTS:
                    return -1
                keys[place], numbers[place], first[count] = key, count, row
                count += 1
            else:
                place = (place + 1) & (PLACES - 1)
        which[row] = numbers[place]
    return count


def spread(codes: Array, which: Array) -> Array:
    """Of each element the code of its object."""
    found = np.empty(which.size, np.int32)
    _spread_codes(codes, which, found)
    return found


def _spread(codes: Array, which: Array, found: Array) -> None:
    """`found[:] = codes[which]` in a third of the time: NumPy widens `which` first."""
    for row in range(which.size):
        found[row] = codes[which[row]]


def _compiled(function: Any) -> Any:
    try:
        return njit(cache=True)(function)
    except RuntimeError:  # no folder is writable
        return njit(function)


_number_addresses = _compiled(_number)
_spread_codes = _compiled(_spread)
