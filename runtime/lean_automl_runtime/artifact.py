"""Artifacts: a Program and what is known about it, in a `.lam` file. No pickle, no code.

`container` describes the bytes of the file, `ir.serial` those of the Program in it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lean_automl_runtime.container import FORMAT_VERSION, HEADER, MAGIC, Payload, load_payload, pack, unpack
from lean_automl_runtime.errors import ArtifactError
from lean_automl_runtime.ir.program import Program
from lean_automl_runtime.ir.serial import digest, from_bytes, to_bytes

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "FORMAT_VERSION",
    "HEADER",
    "MAGIC",
    "Artifact",
    "artifact_of",
    "load_artifact",
    "read_artifact",
    "write_artifact",
]


@dataclass(frozen=True, eq=False)
class Artifact:
    """A Program with its metadata (JSON values): schema notes, measured figures, provenance."""

    program: Program
    metadata: dict[str, Any] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """SHA-256 of the Program; equal for files that predict the same in the same way."""
        return digest(self.program)


def write_artifact(artifact: Artifact) -> bytes:
    """The bytes of a `.lam` file."""
    head, block = to_bytes(artifact.program)
    text = json.dumps(artifact.metadata, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return pack(Payload(head, block, text.encode("utf-8", errors="surrogatepass")))


def read_artifact(data: bytes) -> Artifact:
    """The artifact in the bytes of a `.lam` file.

    Raises:
        ArtifactVersionError: This version does not read that format.
        CorruptArtifactError: Not an artifact, or damaged; says which check failed.
    """
    return artifact_of(unpack(data))


def artifact_of(payload: Payload) -> Artifact:
    """The artifact whose parts these are.

    Raises:
        CorruptArtifactError: A part is not valid; says which check failed.
    """
    return Artifact(from_bytes(payload.head, payload.block), payload.notes())


def load_artifact(path: str | Path) -> Artifact:
    """Read a `.lam` file.

    Raises:
        ArtifactError: The file cannot be read or is not a usable artifact; the message has the path.
    """
    payload = load_payload(path)
    try:
        return artifact_of(payload)
    except ArtifactError as error:
        raise type(error)(f"{path}: {error}") from error
