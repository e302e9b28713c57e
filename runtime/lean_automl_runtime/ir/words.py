"""Words that fields of ops take."""

from enum import StrEnum


class DateField(StrEnum):
    """Parts of a datetime in UTC, proleptic Gregorian calendar."""

    YEAR = "year"
    MONTH = "month"  # 1..12
    DAY = "day"  # 1..31
    WEEKDAY = "weekday"  # Monday is 0
    DAY_OF_YEAR = "day_of_year"  # 1..366
    HOUR = "hour"
    MINUTE = "minute"
    SECOND = "second"
    DAYS = "days"  # whole days since 1970-01-01, floored
    SECONDS_OF_DAY = "seconds_of_day"


class TextField(StrEnum):
    """Counts of a text. `words` are those of `TokenScore`; digits and capitals are those of ASCII."""

    LENGTH = "length"  # Unicode code points
    WORDS = "words"
    DIGITS = "digits"
    CAPITALS = "capitals"


class ArithmeticKind(StrEnum):
    """float32 operations on a and b; NaN where either is NaN.

    The first four are those of IEEE 754: x / 0 is inf or NaN as the standard says. `FLOOR_DIVIDE` is the whole number
    at or below the rounded quotient. `MINIMUM` is a where a < b, else b; `MAXIMUM` is a where a > b, else b. `LESS`,
    `LESS_EQUAL` and `EQUAL` are 1 where a < b, a <= b, a = b, else 0.
    """

    ADD = "add"
    SUBTRACT = "subtract"
    MULTIPLY = "multiply"
    DIVIDE = "divide"
    FLOOR_DIVIDE = "floor_divide"
    MINIMUM = "minimum"
    MAXIMUM = "maximum"
    LESS = "less"
    LESS_EQUAL = "less_equal"
    EQUAL = "equal"


class Activation(StrEnum):
    """What `Dense` applies to its sum. `RELU` of NaN is NaN."""

    IDENTITY = "identity"
    RELU = "relu"


class LinkKind(StrEnum):
    """From scores to probabilities, or to positive numbers."""

    SIGMOID = "sigmoid"  # (n, 1) -> (n, 2): 1 - p, p
    SOFTMAX = "softmax"  # (n, k) -> (n, k)
    EXPONENTIAL = "exponential"  # (n, k) -> (n, k)
