"""The `.lam` file: a Program and what is known about it. No pickle, no code.

| bytes | content                                                              |
|-------|----------------------------------------------------------------------|
| 8     | magic `89 4C 41 4D 0D 0A 1A 0A`, which text transfer would damage    |
| 2     | format version of the writer, u16 little-endian, as all numbers here |
| 2     | lowest format version of a reader that understands the file          |
| 4     | CRC-32 of the payload before compression                             |
| 4 x 3 | lengths of head, array block and metadata                            |
| rest  | deflated payload: head (JSON), array block, metadata (JSON)          |

The head and the block are those of `ir.serial`. Metadata never changes a prediction and is not in the digest.
"""

from __future__ import annotations

import json
import struct
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from lean_automl_runtime.errors import ArtifactError, ArtifactVersionError, CorruptArtifactError
from lean_automl_runtime.ir.program import Program
from lean_automl_runtime.ir.serial import digest, from_bytes, to_bytes

MAGIC: Final = b"\x89LAM\r\n\x1a\n"
HEADER: Final = struct.Struct("<8sHHIIII")
LONGEST_PAYLOAD: Final = 2**31

# Raise FORMAT_VERSION with any change of the format or of an op; raise OLDEST_READER when a reader of that
# version would misread the file; raise OLDEST_READABLE when the code that reads such old files is removed.
FORMAT_VERSION: Final = 1
OLDEST_READER: Final = 1
OLDEST_READABLE: Final = 1


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
    metadata = text.encode("utf-8", errors="surrogatepass")
    payload = head + block + metadata
    lengths = (len(head), len(block), len(metadata))
    header = HEADER.pack(MAGIC, FORMAT_VERSION, OLDEST_READER, zlib.crc32(payload), *lengths)
    return header + zlib.compress(payload, 9)


def read_artifact(data: bytes) -> Artifact:
    """The artifact in the bytes of a `.lam` file.

    Raises:
        ArtifactVersionError: This version does not read that format.
        CorruptArtifactError: Not an artifact, or damaged; says which check failed.
    """
    if len(data) < HEADER.size or not data.startswith(MAGIC):
        raise CorruptArtifactError("magic number: this is not a .lam artifact")
    _, version, oldest_reader, checksum, *lengths = HEADER.unpack_from(data)
    if oldest_reader > FORMAT_VERSION:
        raise ArtifactVersionError(
            f"written in format {version}, which needs a reader of format {oldest_reader}; this one reads up to "
            f"{FORMAT_VERSION}. Upgrade lean-automl-runtime."
        )
    if version < OLDEST_READABLE:
        raise ArtifactVersionError(
            f"written in format {version}; this reader needs at least {OLDEST_READABLE}. Export the model again."
        )
    payload = _inflate(data[HEADER.size :], sum(lengths))
    if zlib.crc32(payload) != checksum:
        raise CorruptArtifactError("checksum: the content was changed or damaged")
    head_end = lengths[0]
    block_end = head_end + lengths[1]
    program = from_bytes(payload[:head_end], payload[head_end:block_end])
    try:
        metadata = json.loads(payload[block_end:])
    except (ValueError, RecursionError) as error:
        raise CorruptArtifactError(f"metadata: {error}") from error
    if not isinstance(metadata, dict):
        raise CorruptArtifactError("metadata: not a JSON object")
    return Artifact(program, metadata)


def _inflate(deflated: bytes, length: int) -> bytes:
    if length > LONGEST_PAYLOAD:
        raise CorruptArtifactError(f"length: {length} bytes are more than any artifact holds")
    stream = zlib.decompressobj()
    try:
        payload = stream.decompress(deflated, length + 1)
    except zlib.error as error:
        raise CorruptArtifactError(f"compressed content: {error}") from error
    if len(payload) != length or not stream.eof or stream.unused_data:
        raise CorruptArtifactError("length: the file is cut off, or something was appended to it")
    return payload


def load_artifact(path: str | Path) -> Artifact:
    """Read a `.lam` file.

    Raises:
        ArtifactError: The file cannot be read or is not a usable artifact; the message has the path.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise ArtifactError(f"{path}: {error.strerror or error}") from error
    try:
        return read_artifact(data)
    except ArtifactError as error:
        raise type(error)(f"{path}: {error}") from error
