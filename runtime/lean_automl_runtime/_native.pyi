"""The compiled extension, built from `native/extension.c`."""

from collections.abc import Callable, Mapping
from typing import Any

from lean_automl_runtime.prediction import Prediction

variant: str

class Predictor:
    """A loaded plan."""

    def __init__(
        self,
        plan: bytes,
        names: tuple[str, ...],
        classes: tuple[Any, ...],
        prediction: type[Prediction],
        parse: Callable[[int, Any], float | str | int],
        explain: Callable[[Any], Prediction],
        /,
    ) -> None: ...
    def predict_one(self, record: Mapping[str, Any] | tuple[Any, ...], /) -> Prediction:
        """The prediction for one record: a mapping, or a tuple in order of columns."""
    def run(self, inputs: tuple[Any, ...], n: int, label: Any, probabilities: Any, prediction: Any, /) -> None:
        """Fills output arrays for n rows of typed column arrays."""

    def encode(self, column: int, values: Any, codes: Any, /) -> None:
        """Fills the codes of a string column from an array of objects."""

    def encode_utf8(
        self, column: int, offsets: Any, texts: Any, validity: Any, first: int, wide: bool, codes: Any, /
    ) -> None:
        """Fills the codes of a string column from Arrow's buffers."""
