"""The documentation builds as a site without a warning, loads nothing from elsewhere, and is up to date."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from quality.project import ROOT
from quality.test_docs import load_script

from lean_automl.cli.main import build_parser

# What a browser loads by itself, as against what a reader may click on.
LOADED = re.compile(r"<(?:script|img|iframe)[^>]+src=\"?(https?:[^\s\">]+)|<link[^>]+href=\"?(https?:[^\s\">]+)")


def test_the_site_builds_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", tmp_path / "site"],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    pages = list((tmp_path / "site").rglob("*.html"))
    assert {"index.html", "tutorial.html", "cli.html", "api.html", "gate-example.html"} <= {p.name for p in pages}
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert not LOADED.search(text), page.name
        assert not re.search(r"8\s?&lt;\s?--", text), f"{page.name}: an include was not followed"
    api = (tmp_path / "site" / "reference" / "api.html").read_text(encoding="utf-8")
    for name in ("lean_automl_runtime.model.Model.predict_one", "LeanClassifier.fit", "max_latency_ms"):
        assert name in api


def test_the_page_of_the_command_line_is_up_to_date() -> None:
    script = load_script(ROOT / "docs" / "update_cli.py")
    assert script.PAGE.read_text(encoding="utf-8") == script.page(), "run: python docs/update_cli.py"


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    return load_script(ROOT / "bench" / "tables.py")


def test_the_page_of_benchmarks_is_up_to_date(tables: ModuleType) -> None:
    pages = tables.pages()
    for name, text in pages.items():
        assert (ROOT / "docs" / name).read_text(encoding="utf-8") == text, f"docs/{name}: run: python bench/tables.py"
    plots = {f"img/{path.name}" for path in (ROOT / "docs" / "img").iterdir()}
    assert plots == set(pages) - {"benchmarks.md"}


def test_the_table_of_the_readme_is_up_to_date(tables: ModuleType) -> None:
    text = tables.README.read_text(encoding="utf-8")
    assert text == tables.readme(text), "run: python bench/tables.py"
    assert "| lean_automl |" in text


def test_a_result_file_without_a_section_of_its_own_is_shown(tables: ModuleType, tmp_path: Path) -> None:
    found = {"fits": 3, "mean": {"a": 0.5}, "sets": {"adult": {"score": 0.9, "deep": {}}}, "rows": [{"x": 1}]}
    (tmp_path / "more_rows-of_another.json").write_text(json.dumps(found), encoding="utf-8")
    page = tables.pages(tmp_path)["benchmarks.md"]
    assert "## More rows of another" in page
    for row in ("| fits | 3 |", "| a | 0.5 |", "| adult | 0.9 |"):
        assert row in page


def test_examples_of_the_command_line_are_right() -> None:
    script = load_script(ROOT / "docs" / "update_cli.py")
    lines = [
        line.strip() for _, parser in script.commands() for line in (parser.epilog or "").splitlines()
        if line.strip().startswith("lean_automl ")
    ]  # fmt: skip
    assert len(lines) >= 4
    for line in lines:
        command = re.split(r" {2,}| > ", line)[0]  # what follows is said, or is the shell's
        assert build_parser().parse_args(shlex.split(command)[1:]).run
