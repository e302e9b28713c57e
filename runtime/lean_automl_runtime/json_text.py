"""JSON without the `json` package, whose regular expressions take longer to import than a model takes to load.

The scanner is the one that `json` itself uses in CPython; where it is not to be had, `json` does the work.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_CONSTANTS = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}


class _Context:
    """What the scanner asks for: the defaults of `json.loads`."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = _CONSTANTS.__getitem__


def _make_scan() -> "Any":
    """The scanner, or None."""
    try:
        from _json import make_scanner  # type: ignore[attr-defined, unused-ignore]

        make: Any = make_scanner
        return make(_Context())
    except (ImportError, AttributeError, TypeError):
        return None


_scan = _make_scan()


def parse_json(text: bytes) -> "Any":
    """The value that UTF-8 text (lone surrogates allowed) stands for.

    Raises:
        ValueError: It is not JSON.
    """
    decoded = text.decode("utf-8", "surrogatepass")
    if _scan is None:
        import json

        return json.loads(decoded)
    stripped = decoded.strip(" \t\n\r")
    try:
        value, end = _scan(stripped, 0)
    except StopIteration as stop:
        raise ValueError(f"no JSON value at character {stop.value}") from None
    if end != len(stripped):
        raise ValueError(f"something follows the JSON value at character {end}")
    return value
