"""Texts to codes by the native extension."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from lean_automl_runtime._native import Predictor

Array = np.ndarray[Any, np.dtype[Any]]


class NativeTexts:
    """A `columns.TextEncoder`."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor

    def objects(self, number: int, values: Array) -> Array | None:
        """As the protocol."""
        try:
            return self.texts(number, values)
        except (ValueError, TypeError):  # the text of the error comes from `column_array`
            return None

    def texts(self, number: int, values: Array) -> Array:
        """As the protocol."""
        codes = np.empty(values.shape[0], dtype=np.int32)
        self._predictor.encode(number, values, codes)
        return codes

    def arrow(self, number: int, chunk: Any) -> Array:
        """As the protocol."""
        codes = np.empty(len(chunk), dtype=np.int32)
        validity, offsets, texts = chunk.buffers()
        wide = str(chunk.type) == "large_string"
        self._predictor.encode_utf8(number, offsets, texts or b"", validity, chunk.offset, wide, codes)
        return codes
