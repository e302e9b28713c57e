"""The code of the page on estimators runs, in order."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from quality.project import ROOT
from quality.test_readme import make_tables


@pytest.mark.slow
def test_the_page_does_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("skl2onnx")
    make_tables(tmp_path)
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "sklearn.md").read_text("utf-8"), re.DOTALL)
    found: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, "docs/sklearn.md", "exec"), found)
    assert len(blocks) == 3
    assert {"model.lam", "pipeline.onnx"} <= {file.name for file in tmp_path.iterdir()}
