from __future__ import annotations

import pkgutil
from importlib import import_module
from types import ModuleType

import pytest
from lean_automl_runtime import measure


def test_public_names_are_what_they_say_whatever_was_imported_before():
    """A submodule with the name of a function would hide it once it is imported."""
    for module in pkgutil.iter_modules(measure.__path__):
        if module.name != "__main__":
            import_module(f"{measure.__name__}.{module.name}")
    for name in measure.__all__:
        assert not isinstance(getattr(measure, name), ModuleType), name


def test_public_names():
    assert measure.__all__ == [
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
    with pytest.raises(AttributeError, match="no attribute 'absent'"):
        _ = measure.absent
