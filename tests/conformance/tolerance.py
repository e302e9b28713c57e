"""How far each engine may be from the reference, for each op: units in the last place of float32.

0 is the same bits, but for the payload of a NaN. Codes, bins and labels are always equal. Errors of `Link` reach what
reads it, so tolerances of ops that read a `Link` hold where that one's is 0.

ONNX is not here: its bounds depend on the Program, and are in `lean_automl_exporters.onnx.bounds`.
"""

from __future__ import annotations

from typing import Final

from lean_automl_runtime.ir import ops as o

ULPS: Final[dict[str, dict[str, int]]] = {
    "reference": dict.fromkeys(o.OPS, 0),
    "native": dict.fromkeys(o.OPS, 0),
    "numba": dict.fromkeys(o.OPS, 0),
}
