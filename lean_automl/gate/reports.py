"""A gate's result for machines and for the pages of a CI service."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any, Final
from xml.etree import ElementTree

from lean_automl.gate.limits import is_loss

if TYPE_CHECKING:
    from lean_automl.gate.figures import GateCheck, GateResult

NOT_IN_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
SUITE: Final = "lean_automl gate"


def junit(result: GateResult) -> str:
    """JUnit XML with a test case for each check that has a limit."""
    judged = [check for check in result.checks if check.limit is not None]
    suite = ElementTree.Element(
        "testsuite",
        name=SUITE,
        tests=str(len(judged)),
        failures=str(len(result.failed)),
        errors="0",
        skipped="0",
    )
    for check in judged:
        case = ElementTree.SubElement(suite, "testcase", classname=_xml(result.figures.model), name=_xml(check.name))
        if not check.met:
            ElementTree.SubElement(case, "failure", message=_xml(sentence(check))).text = _xml(check.detail)
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def markdown(result: GateResult) -> str:
    """A section with a table, as the summary of a GitHub step takes it."""
    failed = len(result.failed)
    head = f"{failed} of the checks failed" if failed else "every limit is met"
    lines = [
        f"### {_cell(result.figures.model)}: {head}",
        "",
        "| check | value | limit | | |",
        "|---|---:|---:|---|---|",
    ]
    for check in result.checks:
        state = "" if check.limit is None else "met" if check.met else "**failed**"
        cells = (check.name, check.shown(check.value), check.wanted, check.detail)
        name, value, limit, detail = map(_cell, cells)
        lines.append(f"| {name} | {value} | {limit} | {state} | {detail} |")
    lines += ["", *(f"* {_cell(note)}" for note in result.notes)]
    return "\n".join(lines).rstrip() + "\n"


def github_benchmark(result: GateResult) -> str:
    """JSON of the kind customSmallerIsBetter of github-action-benchmark: figures where less is better."""
    figures = result.figures
    found: list[dict[str, Any]] = [{"name": "size", "unit": "bytes", "value": figures.bytes}]
    if figures.counts is not None:
        counts = figures.counts
        found.append({"name": "instructions", "unit": "per row", "value": counts.instructions})
        found.append({"name": "branches", "unit": "per row", "value": counts.branches})
    for check in result.checks:
        if check.unit == "us" and math.isfinite(check.value):
            found.append({"name": check.name, "unit": check.unit, "value": check.value, "extra": check.detail})
    found += [
        {"name": name.removeprefix("neg_"), "unit": "loss", "value": -score}
        for name, score in figures.scores.items()
        if is_loss(name)
    ]
    for entry in found:
        entry["name"] = f"{figures.model}: {entry['name']}"
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"


def sentence(check: GateCheck) -> str:
    """A check that failed, in words."""
    return f"{check.name} is {check.shown(check.value)}, wanted {check.wanted}"


def _xml(text: str) -> str:
    return NOT_IN_XML.sub("?", text)


def _cell(text: str) -> str:
    """Text that cannot end a cell or begin markup."""
    return re.sub(r"([\\`*_|<>\[\]])", r"\\\1", " ".join(text.split()))
