"""The errors of lean_automl, for callers of the trainer; they are defined in the runtime."""

from lean_automl_runtime.errors import (
    ArtifactError,
    ArtifactVersionError,
    ConfigError,
    CorruptArtifactError,
    DataError,
    ExportError,
    InfeasibleError,
    InternalError,
    LeanAutoMLError,
    MeasurementError,
    MissingDependencyError,
    ParityError,
    SchemaError,
    ToolchainError,
    UnsupportedOpError,
    VerifyError,
)

__all__ = [
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
]
