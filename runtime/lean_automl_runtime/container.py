"""The outer form of a `.lam` file: head, array block and metadata in one checked, deflated payload.

| bytes | content                                                              |
|-------|----------------------------------------------------------------------|
| 8     | magic `89 4C 41 4D 0D 0A 1A 0A`, which text transfer would damage    |
| 2     | format version of the writer, u16 little-endian, as all numbers here |
| 2     | lowest format version of a reader that understands the file          |
| 4     | CRC-32 of the payload before compression                             |
| 4 x 3 | lengths of head, array block and metadata                            |
| rest  | deflated payload: head (JSON), packed array block, metadata (JSON)   |

The head and the block are those of `ir.serial`; `packed` describes the block as the file holds it. Metadata never
changes a prediction and is not in the digest.

No numpy here, nor anything else that takes long to import: a serving process loads a model through this.
"""

import struct
import zlib

from lean_automl_runtime.errors import ArtifactError, ArtifactVersionError, CorruptArtifactError
from lean_automl_runtime.json_text import parse_json
from lean_automl_runtime.packed import unpacked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from os import PathLike
    from typing import Any

MAGIC = b"\x89LAM\r\n\x1a\n"
HEADER = struct.Struct("<8sHHIIII")
LONGEST_PAYLOAD = 2**31

# Raise FORMAT_VERSION with any change of the format or of an op; raise OLDEST_READER when a reader of that
# version would misread the file; raise OLDEST_READABLE when the code that reads such old files is removed.
FORMAT_VERSION = 2
OLDEST_READER = 2
OLDEST_READABLE = 1
FIRST_PACKED = 2  # before, files held the block as it is


class Payload:
    """The three parts of an artifact.

    Attributes:
        head: JSON of columns, ops and outputs.
        block: Arrays of the ops.
        metadata: JSON object of notes.
    """

    __slots__ = ("block", "head", "metadata")

    def __init__(self, head: bytes, block: bytes, metadata: bytes) -> None:
        self.head = head
        self.block = block
        self.metadata = metadata

    def notes(self) -> "dict[str, Any]":
        """The metadata, read.

        Raises:
            CorruptArtifactError: It is not a JSON object.
        """
        try:
            notes = parse_json(self.metadata)
        except (ValueError, RecursionError) as error:
            raise CorruptArtifactError(f"metadata: {error}") from error
        if not isinstance(notes, dict):
            raise CorruptArtifactError("metadata: not a JSON object")
        return notes


def pack(payload: Payload) -> bytes:
    """The bytes of a `.lam` file."""
    from lean_automl_runtime.pack_block import packed  # with numpy, which nobody else here needs

    parts = (payload.head, packed(payload.head, payload.block), payload.metadata)
    raw, lengths = b"".join(parts), map(len, parts)
    header = HEADER.pack(MAGIC, FORMAT_VERSION, OLDEST_READER, zlib.crc32(raw), *lengths)
    return header + zlib.compress(raw, 9)


def unpack(data: bytes) -> Payload:
    """The parts of a `.lam` file.

    Raises:
        ArtifactVersionError: This version does not read that format.
        CorruptArtifactError: Not an artifact, or damaged; says which check failed.
    """
    if len(data) < HEADER.size or not data.startswith(MAGIC):
        raise CorruptArtifactError("magic number: this is not a .lam artifact. Give one that lean_automl wrote.")
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
    raw = _inflate(data[HEADER.size :], sum(lengths))
    if zlib.crc32(raw) != checksum:
        raise CorruptArtifactError("checksum: the content was changed or damaged")
    head_end = lengths[0]
    block_end = head_end + lengths[1]
    block = raw[head_end:block_end]
    return Payload(raw[:head_end], block if version < FIRST_PACKED else unpacked(block), raw[block_end:])


def _inflate(deflated: bytes, length: int) -> bytes:
    if length > LONGEST_PAYLOAD:
        raise CorruptArtifactError(f"length: {length} bytes are more than any artifact holds")
    stream = zlib.decompressobj()
    try:
        raw = stream.decompress(deflated, length + 1)
    except zlib.error as error:
        raise CorruptArtifactError(f"compressed content: {error}") from error
    if len(raw) != length or not stream.eof or stream.unused_data:
        raise CorruptArtifactError("length: the file is cut off, or something was appended to it")
    return raw


def load_payload(path: "str | PathLike[str]") -> Payload:
    """The parts of a `.lam` file on disk.

    Raises:
        ArtifactError: The file cannot be read or is not an artifact; the message has the path.
    """
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - pathlib takes 6 ms to import
            data = file.read()
    except OSError as error:
        raise ArtifactError(f"{path}: {error.strerror or error}. Check the path.") from error
    try:
        return unpack(data)
    except ArtifactError as error:
        raise type(error)(f"{path}: {error}") from error
