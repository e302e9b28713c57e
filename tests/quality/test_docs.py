"""The pages on Programs and artifacts say what the code says."""

from __future__ import annotations

import hashlib
import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest
from lean_automl_runtime import container
from lean_automl_runtime.ir import digest, serial, to_bytes
from lean_automl_runtime.ir import ops as o
from lean_automl_runtime.packed import unpacked
from quality.project import ROOT
from quality.small_model import small_program, write_small_model

ARTIFACT = (ROOT / "docs" / "artifact.md").read_text(encoding="utf-8")


def load_script(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_of_programs_is_up_to_date() -> None:
    text = (ROOT / "docs" / "program.md").read_text(encoding="utf-8")
    assert load_script(ROOT / "docs" / "update.py").page(text) == text, "run: python docs/update.py"
    assert re.findall(r"^### (\w+)$", text, re.MULTILINE)[: len(o.OPS)] == list(o.OPS)


def test_the_header_is_as_described() -> None:
    rows = re.findall(r"^\| (\d+) +\| (\d) +\| (.+?) +\|$", ARTIFACT, re.MULTILINE)
    sizes = [int(size) for _, size, _ in rows]
    assert [int(offset) for offset, _, _ in rows] == [sum(sizes[:i]) for i in range(len(sizes))]
    letters = {8: "8s", 4: "I", 2: "H"}
    assert "<" + "".join(letters[size] for size in sizes) == container.HEADER.format
    assert f"The header has {container.HEADER.size} bytes" in ARTIFACT
    assert f"`{container.MAGIC.hex(' ').upper()}`" in ARTIFACT


@pytest.mark.parametrize("name", ["FORMAT_VERSION", "OLDEST_READER", "OLDEST_READABLE"])
def test_versions_are_as_described(name: str) -> None:
    assert re.search(rf"^\| `{name}` +\| {getattr(container, name)} +\|", ARTIFACT, re.MULTILINE)


def test_arrays_are_as_described() -> None:
    (dtypes,) = re.findall(r"^An array has one of these dtypes: (.+)\.$", ARTIFACT, re.MULTILINE)
    assert dtypes == ", ".join(f"`{dtype}`" for dtype in serial.ARRAY_DTYPES)
    assert f"at an offset that {serial.ALIGNMENT} divides" in ARTIFACT
    assert f"above {container.LONGEST_PAYLOAD} bytes" in ARTIFACT


def test_the_reader_of_the_page_reads_an_artifact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_small_model(tmp_path / "model.lam")
    (code,) = re.findall(r"```python\n(.*?)```", ARTIFACT, re.DOTALL)
    found: dict[str, Any] = {}
    exec(compile(code, "docs/artifact.md", "exec"), found)
    program = small_program()
    head, block = to_bytes(program)
    assert found["payload"].startswith(head)
    assert unpacked(found["packed"]) == block
    assert [op["op"] for op in found["head"]["ops"]] == [op.name for op in program.ops]
    assert found["metadata"] == {"note": "made by hand"}
    assert hashlib.sha256(head + b"\0" + block).hexdigest() == digest(program)
