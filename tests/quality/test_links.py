"""Relative links of the docs lead to files and headings that exist, and the decisions are all listed."""

from __future__ import annotations

import re

from quality.project import ROOT, text_files

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def pages() -> dict[str, str]:
    return {name: FENCED.sub("", text) for name, text in text_files().items() if name.endswith(".md")}


def anchors(text: str) -> set[str]:
    """Headings as links name them."""
    titles = re.findall(r"^#+ +(.+?) *$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_relative_links_exist() -> None:
    broken = []
    for name, text in pages().items():
        for link in LINK.findall(text):
            if "://" in link:
                continue
            target, _, anchor = link.partition("#")
            path = ((ROOT / name).parent / target).resolve() if target else ROOT / name
            if not path.exists():
                broken.append(f"{name}: {link}")
            elif anchor and anchor not in anchors(FENCED.sub("", path.read_text(encoding="utf-8"))):
                broken.append(f"{name}: {link}: no such heading")
    assert not broken, "\n".join(broken)


def test_files_that_docs_name_exist() -> None:
    """Code spans that look like a path of this project."""
    roots = ("lean_automl/", "exporters/", "runtime/", "tests/", "docs/", "examples/", ".ci/")
    broken = []
    for name, text in pages().items():
        for span in re.findall(r"`([\w./-]+/[\w./-]*)`", text):
            if span.startswith(roots) and not (ROOT / span).exists():
                broken.append(f"{name}: {span}")
    assert not broken, "\n".join(broken)


def test_every_decision_is_listed_and_has_its_parts() -> None:
    folder = ROOT / "docs" / "adr"
    listed = (folder / "README.md").read_text(encoding="utf-8")
    decisions = sorted(path for path in folder.glob("*.md") if path.name != "README.md")
    assert [path.name[:4] for path in decisions] == [f"{number:04}" for number in range(1, len(decisions) + 1)]
    for path in decisions:
        text = path.read_text(encoding="utf-8")
        assert f"({path.name})" in listed, f"{path.name} is not in the list"
        parts = re.findall(r"^## (.+)$", text, re.MULTILINE)
        assert parts == ["Context", "Decision", "Consequences"], f"{path.name}: {parts}"
        assert 12 <= len(text.splitlines()) <= 45, f"{path.name}: {len(text.splitlines())} lines"
