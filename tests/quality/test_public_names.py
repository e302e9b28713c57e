"""What callers may import, pinned: a change here is a change of the interface, and belongs in the changelog."""

from __future__ import annotations

import importlib
from typing import Final

import pytest

PUBLIC: Final[dict[str, set[str]]] = {
    "lean_automl_runtime": {
        "Artifact",
        "LeanAutoMLError",
        "Model",
        "Prediction",
        "__version__",
        "load",
        "load_artifact",
        "read_artifact",
        "write_artifact",
    },
    "lean_automl_runtime.ir": {
        "LABEL",
        "MISSING_TIME",
        "PREDICTION",
        "PROBABILITIES",
        "Column",
        "ColumnKind",
        "DType",
        "Program",
        "ProgramBuilder",
        "ValueType",
        "digest",
        "from_bytes",
        "prune",
        "to_bytes",
        "to_text",
    },
    "lean_automl_runtime.engines": {
        "AUTO",
        "ENGINES",
        "NATIVE",
        "NEEDS",
        "Engine",
        "RowEngine",
        "available",
        "make_engine",
        "require_engine",
    },
    "lean_automl_runtime.measure": {
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
    },
    "lean_automl_exporters.c": {"COptions", "export_c"},
    "lean_automl_exporters.onnx": {
        "Inputs",
        "OnnxOptions",
        "ParityReport",
        "TreeEncoding",
        "check_parity",
        "encoding_sizes",
        "export_checked",
        "export_onnx",
        "usable_encodings",
    },
    "lean_automl.compiler.foreign": {"Compiled", "Request", "SourceParity", "compile_checked", "compile_model"},
    "lean_automl": {"LeanClassifier", "LeanRegressor", "__version__"},
    "lean_automl.sklearn": {"InputError", "LeanClassifier", "LeanRegressor", "SettingError", "register_skl2onnx"},
    "lean_automl.errors": {
        "ArtifactError",
        "ArtifactVersionError",
        "ConfigError",
        "CorruptArtifactError",
        "DataError",
        "ExportError",
        "InfeasibleError",
        "InternalError",
        "LeanAutoMLError",
        "MeasurementError",
        "MissingDependencyError",
        "ParityError",
        "SchemaError",
        "ToolchainError",
        "UnsupportedOpError",
        "VerifyError",
    },
}


@pytest.mark.parametrize("package", PUBLIC)
def test_public_names_are_pinned(package: str) -> None:
    module = importlib.import_module(package)
    assert len(module.__all__) == len(set(module.__all__))
    assert set(module.__all__) == PUBLIC[package]


@pytest.mark.parametrize("package", PUBLIC)
def test_public_names_can_be_imported(package: str) -> None:
    module = importlib.import_module(package)
    missing = [name for name in module.__all__ if not hasattr(module, name)]
    assert not missing


def test_the_trainer_passes_on_every_error() -> None:
    ours = importlib.import_module("lean_automl.errors")
    theirs = importlib.import_module("lean_automl_runtime.errors")
    defined = {name for name, value in vars(theirs).items() if isinstance(value, type)}
    assert defined == set(ours.__all__)
    assert all(getattr(ours, name) is getattr(theirs, name) for name in defined)


def test_versions_agree() -> None:
    import lean_automl_runtime

    import lean_automl

    assert lean_automl.__version__ == lean_automl_runtime.__version__
