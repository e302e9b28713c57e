"""The answer for one record."""

from collections import namedtuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple

    class Prediction(NamedTuple):
        """The answer for one record.

        Attributes:
            value: The class label, or the predicted number.
            probabilities: One for each of `Model.classes`; empty for a regressor.
        """

        value: str | int | bool | float
        probabilities: tuple[float, ...]

else:  # the same without `typing`, which takes longer to import than a model takes to load
    Prediction = namedtuple("Prediction", ("value", "probabilities"))
    Prediction.__doc__ = "The answer for one record: `value`, and `probabilities` (empty for a regressor)."
