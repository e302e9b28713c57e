"""Every error that lean_automl raises on purpose.

LeanAutoMLError
├── DataError                 the caller's rows
│   └── SchemaError           a column is absent, or its values cannot be read as its kind
├── ConfigError               the caller's settings; carries the path of the setting
├── MissingDependencyError    an optional package is not installed; carries the install line
├── ArtifactError             a file is not a usable artifact
│   ├── ArtifactVersionError  written by a version that this one does not read
│   └── CorruptArtifactError  a check of its content failed
├── InfeasibleError           no model meets the constraints; carries the nearest miss
├── ExportError               a Program cannot be written in the wanted form
│   ├── UnsupportedOpError    the form has no way to say this op
│   └── ToolchainError        a compiler or tool failed
├── MeasurementError          an artifact could not be measured: the measuring process crashed or took too long
└── InternalError             our bug
    ├── VerifyError           a Program breaks the rules of the IR
    └── ParityError           two engines disagree
"""


class LeanAutoMLError(Exception):
    """Base class: catch this to catch all errors below."""


class DataError(LeanAutoMLError):
    """The rows that the caller gave cannot be used."""


class SchemaError(DataError):
    """A column is absent, or holds values that its kind does not allow."""


class ConfigError(LeanAutoMLError):
    """A setting has a value that is not allowed."""


class MissingDependencyError(LeanAutoMLError):
    """An optional package is needed and not installed."""


class ArtifactError(LeanAutoMLError):
    """A file is not an artifact that can be used here."""


class ArtifactVersionError(ArtifactError):
    """The artifact needs a newer (or older) reader."""


class CorruptArtifactError(ArtifactError):
    """The artifact's content fails a check."""


class InfeasibleError(LeanAutoMLError):
    """No candidate meets the constraints."""


class ExportError(LeanAutoMLError):
    """A Program cannot be exported."""


class UnsupportedOpError(ExportError):
    """The export format cannot express an op."""


class ToolchainError(ExportError):
    """An external tool, such as a C compiler, failed or is absent."""


class MeasurementError(LeanAutoMLError):
    """The latency of an artifact could not be measured."""


class InternalError(LeanAutoMLError):
    """A bug in lean_automl. Please report it with the message."""


class VerifyError(InternalError):
    """A Program breaks a rule of the IR."""


class ParityError(InternalError):
    """Two engines give different answers for the same rows."""
