"""A `.lam` file that is not what was written is refused, and the message says which check failed."""

from __future__ import annotations

import json
import random
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conformance.programs import random_program
from lean_automl_runtime import Artifact, load_artifact, read_artifact, write_artifact
from lean_automl_runtime.artifact import FORMAT_VERSION, HEADER, MAGIC
from lean_automl_runtime.container import FIRST_PACKED, OLDEST_READER
from lean_automl_runtime.errors import ArtifactError, ArtifactVersionError, CorruptArtifactError
from lean_automl_runtime.ir import Program, digest, to_bytes
from lean_automl_runtime.packed import STREAM

METADATA = {"note": "né 日本", "figures": {"p99_us": 12.5}, "list": [1, None, True]}


@pytest.fixture(scope="session")
def data(classifier: Program) -> bytes:
    return write_artifact(Artifact(classifier, METADATA))


def packed(
    head: bytes, block: bytes, metadata: bytes = b"{}", versions: tuple[int, int] = (FORMAT_VERSION, OLDEST_READER)
) -> bytes:
    """A file whose outer checks all pass. Its block is one segment of bytes, or as it is before version 2."""
    if versions[0] >= FIRST_PACKED:
        block = b"\1" + STREAM.pack(1, len(block)) + block
    payload = head + block + metadata
    header = HEADER.pack(MAGIC, *versions, zlib.crc32(payload), len(head), len(block), len(metadata))
    return header + zlib.compress(payload)


def test_what_was_written_is_read(classifier: Program, data: bytes) -> None:
    artifact = read_artifact(data)
    assert artifact.digest == digest(classifier)
    assert artifact.metadata == METADATA
    assert write_artifact(artifact) == data


@pytest.mark.parametrize("seed", range(30))
def test_any_program_survives(seed: int) -> None:
    program = random_program(seed)
    assert read_artifact(write_artifact(Artifact(program))).digest == digest(program)


def test_lone_surrogates_survive(classifier: Program) -> None:
    artifact = Artifact(classifier, {"value": "\ud800"})
    assert read_artifact(write_artifact(artifact)).metadata == artifact.metadata


def test_metadata_is_not_in_the_digest(classifier: Program) -> None:
    assert Artifact(classifier, {"a": 1}).digest == Artifact(classifier).digest


@pytest.mark.parametrize("change", [0x01, 0x80, 0xFF])
def test_a_changed_byte_is_found(data: bytes, change: int) -> None:
    """Or it changed nothing: the writer's own version, and spare bits of the compressed stream, carry no content."""
    original = read_artifact(data)
    harmless = set()
    for at in range(len(data)):
        broken = bytearray(data)
        broken[at] ^= change
        try:
            artifact = read_artifact(bytes(broken))
        except ArtifactError:
            continue
        assert (artifact.digest, artifact.metadata) == (original.digest, original.metadata)
        harmless.add(at)
    assert len(harmless - {8, 9, 10, 11}) <= 2


def test_a_file_cut_anywhere_is_refused(data: bytes) -> None:
    for size in range(len(data)):
        with pytest.raises(CorruptArtifactError, match=r"^(magic number|compressed content|length)"):
            read_artifact(data[:size])


@pytest.mark.parametrize("extra", [b"\0", b"\n", b"more", MAGIC])
def test_appended_bytes_are_refused(data: bytes, extra: bytes) -> None:
    with pytest.raises(CorruptArtifactError, match=r"^length"):
        read_artifact(data + extra)


@pytest.mark.parametrize(
    "foreign",
    [b"", b"\0" * 100, b"PK\x03\x04" + b"\0" * 60, b"\x80\x04\x95" + b"\0" * 60, b"a,b,c\n1,2,3\n" * 9, MAGIC],
)
def test_a_foreign_file_is_refused(foreign: bytes) -> None:
    with pytest.raises(CorruptArtifactError, match=r"^magic number: this is not a \.lam artifact"):
        read_artifact(foreign)


def test_text_transfer_is_found(data: bytes) -> None:
    with pytest.raises(CorruptArtifactError, match=r"^magic number"):
        read_artifact(data.replace(b"\r\n", b"\n"))


def test_a_file_for_newer_readers_is_refused(classifier: Program) -> None:
    newer = packed(*to_bytes(classifier), versions=(FORMAT_VERSION + 3, FORMAT_VERSION + 2))
    with pytest.raises(ArtifactVersionError, match=rf"format {FORMAT_VERSION + 3}.*needs a reader.*Upgrade"):
        read_artifact(newer)


def test_a_newer_file_that_this_reader_understands_is_read(classifier: Program) -> None:
    newer = packed(*to_bytes(classifier), versions=(FORMAT_VERSION + 3, FORMAT_VERSION))
    assert read_artifact(newer).digest == digest(classifier)


@pytest.mark.parametrize("seed", range(10))
def test_a_file_of_the_first_version_is_read(seed: int) -> None:
    program = random_program(seed)
    assert read_artifact(packed(*to_bytes(program), versions=(1, 1))).digest == digest(program)


def test_a_file_too_old_is_refused(classifier: Program) -> None:
    with pytest.raises(ArtifactVersionError, match=r"needs at least 1.*Export the model again"):
        read_artifact(packed(*to_bytes(classifier), versions=(0, 0)))


def test_a_wrong_checksum_is_found(data: bytes) -> None:
    broken = data[:12] + struct.pack("<I", 12345) + data[16:]
    with pytest.raises(CorruptArtifactError, match=r"^checksum"):
        read_artifact(broken)


@pytest.mark.parametrize("claimed", [10, 2**20, 2**31 - 10, 2**32 - 1])
def test_a_stream_that_expands_beyond_its_length_is_refused(claimed: int) -> None:
    bomb = zlib.compress(b"\0" * 2**25)
    header = HEADER.pack(MAGIC, 1, 1, 0, claimed, 0, 0)
    with pytest.raises(CorruptArtifactError, match=r"^length"):
        read_artifact(header + bomb)


@pytest.mark.parametrize(
    ("metadata", "problem"),
    [
        (b"", "metadata"),
        (b"{", "metadata"),
        (b"[]", "not a JSON object"),
        (b"\xff", "metadata"),
        (b"[" * 99_999, "metadata"),
    ],
)
def test_malformed_metadata_is_refused(classifier: Program, metadata: bytes, problem: str) -> None:
    with pytest.raises(CorruptArtifactError, match=problem):
        read_artifact(packed(*to_bytes(classifier), metadata=metadata))


HEAD_CHANGES: list[tuple[Callable[[Any], Any], str]] = [
    (lambda _: [], "head cannot be read"),
    (lambda _: None, "head cannot be read"),
    (lambda h: h | {"columns": None}, "head cannot be read"),
    (lambda h: h | {"columns": [["a", "numeric"]]}, "head cannot be read"),
    (lambda h: h | {"columns": [["a", "complex", "float32"]]}, "head cannot be read"),
    (lambda h: h | {"columns": [[1, "numeric", "float32"]]}, "not valid: a column name is not text"),
    (lambda h: h | {"outputs": []}, "head cannot be read"),
    (lambda h: h | {"outputs": {"label": "x"}}, "head cannot be read"),
    (lambda h: h | {"outputs": {"label": 1e999}}, "head cannot be read"),
    (lambda h: h | {"outputs": {}}, "not valid: a Program needs an output"),
    (lambda h: h | {"ops": [{"op": "Exec", "in": []}]}, "unknown op 'Exec': written by a newer version"),
    (lambda h: h | {"ops": [{"op": "Concat"}]}, "head cannot be read"),
    (lambda h: h | {"ops": [{"op": ["Concat"], "in": [0]}]}, "head cannot be read"),
    (lambda h: h | {"ops": [{"op": "Concat", "in": [10**400]}]}, "does not come before it"),
    (lambda h: h | {"ops": [{"op": "Rescale", "in": [4], "shift": "a", "scale": 1.0}]}, "head cannot be read"),
    (lambda h: h | {"ops": [{"op": "DatePart", "in": [3], "part": "century"}]}, "head cannot be read"),
]


@pytest.mark.parametrize(("change", "problem"), HEAD_CHANGES)
def test_a_malformed_head_is_refused(classifier: Program, change: Callable[[Any], Any], problem: str) -> None:
    head, block = to_bytes(classifier)
    with pytest.raises(CorruptArtifactError, match=problem):
        read_artifact(packed(json.dumps(change(json.loads(head))).encode(), block))


@pytest.mark.parametrize(
    ("array", "problem"),
    [
        ({"dtype": "object", "shape": [1], "at": 0}, "dtype 'object'"),
        ({"dtype": "float32", "shape": [1], "at": -8}, "outside its block"),
        ({"dtype": "float32", "shape": [1], "at": 4}, "outside its block"),
        ({"dtype": "float32", "shape": [10**9], "at": 0}, "outside its block"),
        ({"dtype": "float32", "shape": [-1], "at": 0}, "outside its block"),
        ({"dtype": "float32", "shape": [10**30, 0], "at": 0}, "head cannot be read|outside"),
        ({"dtype": "float32", "shape": [1] * 99, "at": 0}, "head cannot be read"),
        ({"dtype": "float32", "shape": "ab", "at": 0}, "head cannot be read"),
        ({"dtype": "float32"}, "head cannot be read"),
        ([1, 2], "head cannot be read"),
        (None, "head cannot be read"),
    ],
)
def test_a_malformed_array_is_refused(classifier: Program, array: Any, problem: str) -> None:
    head, block = to_bytes(classifier)
    described = json.loads(head)
    described["ops"] = [{"op": "Impute", "in": [0], "fill": array}]
    with pytest.raises(CorruptArtifactError, match=problem):
        read_artifact(packed(json.dumps(described).encode(), block))


def test_a_crafted_file_ends_in_an_artifact_error_or_in_a_valid_program() -> None:
    """Outer checks pass; numbers, names and arrays inside are changed at random."""
    chance = random.Random(0)
    refused = 0
    for seed in range(160):
        head, block = to_bytes(random_program(seed % 40, 2))
        described = json.loads(head)
        for _ in range(chance.randint(1, 3)):
            _change_something(described, chance)
        bytes_ = bytearray(block)
        if bytes_ and chance.random() < 0.5:
            bytes_[chance.randrange(len(bytes_))] ^= chance.randrange(1, 256)
        try:
            read_artifact(packed(json.dumps(described).encode(), bytes(bytes_)))
        except CorruptArtifactError:
            refused += 1
    assert refused > 80


def _change_something(node: Any, chance: random.Random) -> None:
    odd = [None, -1, 0, 1, 2, 7, 255, 2**31, 2**63, 1e999, 0.5, "", "x", [], {}, [0], True]
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        if not keys:
            return
        key = chance.choice(keys)
        if not isinstance(node[key], dict | list) or chance.random() < 0.1:
            node[key] = chance.choice(odd)
            return
        node = node[key]


def test_a_path_is_in_the_message(tmp_path: Path, lam: Path) -> None:
    assert load_artifact(str(lam)).metadata == {"note": "né"}
    bad = tmp_path / "bad.lam"
    bad.write_bytes(lam.read_bytes()[:-1])
    with pytest.raises(CorruptArtifactError, match=r"bad\.lam: length"):
        load_artifact(bad)
    with pytest.raises(ArtifactError, match=r"none\.lam: No such file"):
        load_artifact(tmp_path / "none.lam")
    with pytest.raises(ArtifactError, match="Is a directory"):
        load_artifact(tmp_path)


def test_arrays_of_a_loaded_program_are_read_only(data: bytes) -> None:
    for op in read_artifact(data).program.ops:
        for value in vars(op).values():
            if isinstance(value, np.ndarray):
                assert not value.flags.writeable
