"""Measuring: latency of artifacts with confidence bounds, and a cost model that predicts it.

Names are imported when they are first used: the measuring process must not load what a serving one would not.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from lean_automl_runtime.measure.cost import CostModel, CostSample, fit_cost_model
    from lean_automl_runtime.measure.harness import measure, measure_tail
    from lean_automl_runtime.measure.inprocess import QuickMeasurement, measure_in_process
    from lean_automl_runtime.measure.op_counts import Contents, contents_of, features
    from lean_automl_runtime.measure.options import MeasureOptions, Mode
    from lean_automl_runtime.measure.profile import DeviceProfile, calibrate, read_profile
    from lean_automl_runtime.measure.result import Measurement, meets
    from lean_automl_runtime.measure.statistics import Latency, Quantile
    from lean_automl_runtime.measure.tail import Tail

_HOME = {
    "CostModel": "cost",
    "CostSample": "cost",
    "DeviceProfile": "profile",
    "Latency": "statistics",
    "MeasureOptions": "options",
    "Measurement": "result",
    "Mode": "options",
    "Quantile": "statistics",
    "QuickMeasurement": "inprocess",
    "Tail": "tail",
    "calibrate": "profile",
    "Contents": "op_counts",
    "contents_of": "op_counts",
    "features": "op_counts",
    "fit_cost_model": "cost",
    "measure": "harness",
    "measure_in_process": "inprocess",
    "measure_tail": "harness",
    "read_profile": "profile",
    "meets": "result",
}

__all__ = [
    "Contents",
    "CostModel",
    "CostSample",
    "DeviceProfile",
    "Latency",
    "MeasureOptions",
    "Measurement",
    "Mode",
    "Quantile",
    "QuickMeasurement",
    "Tail",
    "calibrate",
    "contents_of",
    "features",
    "fit_cost_model",
    "measure",
    "measure_in_process",
    "measure_tail",
    "meets",
    "read_profile",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
