"""The answer for one record."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple

    class Prediction(NamedTuple):
        """The answer for one record.

        Attributes:
            value: The class label, or the predicted number; a tuple of them for several quantiles.
            probabilities: One for each of `Model.classes`; empty for a regressor.
        """

        value: str | int | bool | float | tuple[float, ...]
        probabilities: tuple[float, ...]

else:  # the same, without modules that take longer to import than a model takes to load
    from _collections import _tuplegetter

    class Prediction(tuple):
        """The answer for one record.

        Attributes:
            value: The class label, or the predicted number; a tuple of them for several quantiles.
            probabilities: One for each of `Model.classes`; empty for a regressor.
        """

        __slots__ = ()
        _fields = __match_args__ = ("value", "probabilities")
        value = _tuplegetter(0, "The class label, or the predicted number.")
        probabilities = _tuplegetter(1, "One for each of `Model.classes`; empty for a regressor.")

        def __new__(cls, value: object, probabilities: tuple[float, ...]) -> "Prediction":
            return tuple.__new__(cls, (value, probabilities))

        def __repr__(self) -> str:
            return f"Prediction(value={self[0]!r}, probabilities={self[1]!r})"

        def __getnewargs__(self) -> tuple[object, ...]:
            return tuple(self)

        def _asdict(self) -> dict[str, object]:
            return {"value": self[0], "probabilities": self[1]}
