"""The exponential of the IR: the same float32 bits on every machine that follows IEEE 754.

Range reduction and polynomial of Cephes `expf` (S. Moshier, public domain), every step rounded to float32. The
argument is limited to [-87, 88], so that no result is zero, denormal or infinite. Error at most 1 ulp in that range.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LOWEST: Final = np.float32(-87.0)
HIGHEST: Final = np.float32(88.0)
LOG2_E: Final = np.float32(1.44269504)
LN2_HIGH: Final = np.float32(0.693359375)
LN2_LOW: Final = np.float32(-2.12194440e-4)
COEFFICIENTS: Final = tuple(
    np.float32(c)
    for c in (
        1.9875691500e-4,
        1.3981999507e-3,
        8.3334519073e-3,
        4.1665795894e-2,
        1.6666665459e-1,
        5.0000001201e-1,
    )
)


def exp32(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """`exp(x)` for float32 of any shape; NaN stays NaN."""
    x = np.minimum(np.maximum(x, LOWEST), HIGHEST)  # both keep NaN
    power = np.rint(x * LOG2_E)
    r = (x - power * LN2_HIGH) - power * LN2_LOW
    series = COEFFICIENTS[0] * r + COEFFICIENTS[1]
    for coefficient in COEFFICIENTS[2:]:
        series = series * r + coefficient
    series = (series * (r * r) + r) + np.float32(1.0)
    exponent = np.where(np.isnan(power), np.float32(0.0), power).astype(np.int32)
    scale = ((exponent + 127) << 23).astype(np.int32).view(np.float32)
    result: NDArray[np.float32] = series * scale
    return result
