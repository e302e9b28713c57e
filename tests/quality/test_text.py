"""What no file of the project says: paths and hosts of a machine, unfinished marks, words from outside, praise."""

from __future__ import annotations

import re

import pytest
from quality.project import text_files

# Not searched: the licence as its authors wrote it, and this file, which must name what it looks for.
EXEMPT = {"LICENSE", "runtime/LICENSE", "tests/quality/test_text.py"}
HOSTS = {
    "creativecommons.org",
    "doi.org",
    "onnx.ai",
    "www.apache.org",
    "www.w3.org",  # the name of SVG
}
FORBIDDEN = {
    "path of a machine": r"(?<![\w./:~-])/(?:home|root|Users|work|tmp|mnt|srv)/\w|[A-Z]:\\\\?Users",
    "address of a machine": r"\b(?!127\.0\.0\.1\b|0\.0\.0\.0\b)\d{1,3}(?:\.\d{1,3}){3}\b",
    "unfinished mark": r"\b(?:TODO|FIXME|HACK|XXX)\b",
    "conflict mark": r"^(?:<{7}|>{7}|={7})(?: |$)",
    "word from outside": r"(?i)\b(?:issues? #?\d+|this (?:issue|session)|agents?|co-authored-by)\b",
    "praise": r"(?i)\b(?:blazing|lightning[- ]fast|state[- ]of[- ]the[- ]art|cutting[- ]edge|seamless(?:ly)?|"
    r"effortless(?:ly)?|world[- ]class|revolutionary|game[- ]chang\w+|best[- ]in[- ]class|supercharge\w*)\b",
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_has(what: str) -> None:
    pattern = re.compile(FORBIDDEN[what], re.MULTILINE)
    found = [
        f"{name}:{text.count(chr(10), 0, match.start()) + 1}: {match.group()}"
        for name, text in text_files().items()
        if name not in EXEMPT
        for match in pattern.finditer(text)
    ]
    assert not found, "\n".join(found)


def test_links_lead_to_known_hosts() -> None:
    found = [
        f"{name}: {host}"
        for name, text in text_files().items()
        if name not in EXEMPT
        for host in re.findall(r"https?://([^/\s>)\"'`]+)", text)
        if host not in HOSTS
    ]
    assert not found, "\n".join(found)


def test_lines_of_docs_are_short() -> None:
    found = [
        f"{name}:{number}"
        for name, text in text_files().items()
        if name.endswith(".md") and name not in EXEMPT
        for number, line in enumerate(text.splitlines(), 1)
        if len(line) > 120 and not line.startswith("|")
    ]
    assert not found, "\n".join(found)
