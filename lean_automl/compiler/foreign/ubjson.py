"""Reads UBJSON as XGBoost writes it, format of draft 12: into the values that its JSON would give."""

from __future__ import annotations

import struct
from typing import Any, Final

import numpy as np

from lean_automl.errors import DataError

NUMBERS: Final = {"i": ">i1", "U": ">u1", "I": ">i2", "l": ">i4", "L": ">i8", "d": ">f4", "D": ">f8"}
DEEPEST: Final = 64


def read_ubjson(content: bytes, where: str) -> Any:
    """The value in the bytes.

    Raises:
        DataError: They are not UBJSON.
    """
    try:
        value, _ = _value(content, 0, 0)
    except (LookupError, ValueError, struct.error, UnicodeDecodeError) as error:
        raise DataError(f"{where}: this is neither JSON nor UBJSON: {error}.") from error
    return value


def _value(data: bytes, at: int, depth: int) -> tuple[Any, int]:
    mark = _mark(data, at)
    if depth > DEEPEST:
        raise ValueError("it is nested too deep")
    if mark == "{":
        return _object(data, at + 1, depth)
    if mark == "[":
        return _array(data, at + 1, depth)
    if mark in ("S", "C"):
        return _text(data, at + 1) if mark == "S" else (data[at + 1 : at + 2].decode(), at + 2)
    if mark in "ZTF":
        return {"Z": None, "T": True, "F": False}[mark], at + 1
    return _number(data, at)


def _mark(data: bytes, at: int) -> str:
    return chr(data[at])


def _number(data: bytes, at: int) -> tuple[Any, int]:
    dtype = np.dtype(NUMBERS[_mark(data, at)])
    end = at + 1 + dtype.itemsize
    return np.frombuffer(data[at + 1 : end], dtype=dtype)[0].item(), end


def _text(data: bytes, at: int) -> tuple[str, int]:
    size, at = _number(data, at)
    if size < 0 or at + size > len(data):
        raise ValueError("a text leaves the file")
    return data[at : at + size].decode(), at + size


def _object(data: bytes, at: int, depth: int) -> tuple[dict[str, Any], int]:
    found = {}
    while _mark(data, at) != "}":
        key, at = _text(data, at)
        found[key], at = _value(data, at, depth + 1)
    return found, at + 1


def _array(data: bytes, at: int, depth: int) -> tuple[Any, int]:
    if _mark(data, at) == "$":
        dtype = np.dtype(NUMBERS[_mark(data, at + 1)])
        if _mark(data, at + 2) != "#":
            raise ValueError("an array of one type has no count")
        count, at = _number(data, at + 3)
        return np.frombuffer(data, dtype=dtype, count=count, offset=at).tolist(), at + count * dtype.itemsize
    found = []
    if _mark(data, at) == "#":
        count, at = _number(data, at + 1)
        for _ in range(count):
            value, at = _value(data, at, depth + 1)
            found.append(value)
        return found, at
    while _mark(data, at) != "]":
        value, at = _value(data, at, depth + 1)
        found.append(value)
    return found, at + 1
