"""What the site takes from outside `docs/`: pages that stand beside what they describe, and links between them.

On the disk, links are those of the repository, so that they work where it is read as it is. Here they become links
of the site; what the site does not have, such as a script, keeps its name and loses its link.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, Final

from mkdocs.structure.files import File

ROOT: Final = Path(__file__).resolve().parents[1]
DOCS: Final = ROOT / "docs"
# From the root of the repository to the address in the site.
OUTSIDE: Final = {
    "CHANGELOG.md": "more/changes.md",
    "CONTRIBUTING.md": "more/contributing.md",
    "bench/README.md": "more/bench.md",
    "cpp_demo/README.md": "more/cpp-demo.md",
    "examples/data/README.md": "more/table.md",
    "examples/gate/README.md": "more/gate-example.md",
    "runtime/README.md": "more/runtime.md",
}
FRONT: Final = "README.md"  # index.md is the same for readers of the site
FENCED: Final = re.compile(r"(^```.*?^```[^\n]*$)", re.MULTILINE | re.DOTALL)
SECTION: Final = re.compile(r'^--8<-- "([\w./-]+\.md):([\w-]+)"$', re.MULTILINE)
LINK: Final = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")


def on_files(files: Any, config: Any) -> Any:
    """Add the pages from outside."""
    for path, uri in OUTSIDE.items():
        files.append(File.generated(config, uri, abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Make the links of a page those of the site, and those of sections that it takes from other pages."""
    uri = page.file.src_uri
    parts = FENCED.split(_linked(markdown, uri, _source(uri)))
    return "".join(part if part.startswith("```") else SECTION.sub(lambda m: _section(m, uri), part) for part in parts)


def _linked(markdown: str, uri: str, source: Path) -> str:
    """Text that stands in a file on the disk, with links as a page of the site has them."""
    parts = FENCED.split(markdown)
    return "".join(p if p.startswith("```") else LINK.sub(lambda m: _link(m, uri, source), p) for p in parts)


def _section(match: re.Match[str], uri: str) -> str:
    """A marked section of another page.

    Raises:
        ValueError: The page has no such section.
    """
    source = ROOT / match[1]
    _, begin, rest = source.read_text(encoding="utf-8").partition(f"<!-- --8<-- [start:{match[2]}] -->\n")
    text, end, _ = rest.partition(f"<!-- --8<-- [end:{match[2]}] -->\n")
    if not (begin and end):
        raise ValueError(f"{match[1]} has no section {match[2]}")
    return _linked(text, uri, source)


def _link(match: re.Match[str], uri: str, source: Path) -> str:
    """A link, or its text alone where it would lead out of the site."""
    picture, text, whole = match.groups()
    if "://" in whole or whole.startswith("#"):
        return match.group()
    target, mark, anchor = whole.partition("#")
    found = _address(source.parent / target)
    if found is None:
        return text
    return f"{picture}[{text}]({os.path.relpath(found, Path(uri).parent).replace(os.sep, '/')}{mark}{anchor})"


def _source(uri: str) -> Path:
    """Where a page stands on the disk."""
    by_uri = {address: ROOT / path for path, address in OUTSIDE.items()}
    return by_uri.get(uri, DOCS / uri)


def _address(path: Path) -> str | None:
    """Where a file stands in the site; None if it does not.

    Raises:
        FileNotFoundError: There is no such file at all.
    """
    path = path.resolve(strict=True)
    if path.is_relative_to(DOCS):
        return path.relative_to(DOCS).as_posix()
    name = path.relative_to(ROOT).as_posix()
    return "index.md" if name == FRONT else OUTSIDE.get(name)
