"""What the two project files promise, checked without building anything."""

from __future__ import annotations

import re
import tomllib
from typing import Any

from quality.project import ROOT, name_of, tracked

OWN = {"lean-automl", "lean-automl-runtime"}


def project(folder: str) -> dict[str, Any]:
    return tomllib.loads((ROOT / folder / "pyproject.toml").read_text(encoding="utf-8"))


def plain_name(requirement: str) -> str:
    """Name of a package as indexes compare it."""
    match = re.match(r"[A-Za-z0-9][\w.-]*", requirement)
    assert match is not None, requirement
    return re.sub(r"[-_.]+", "-", match.group()).lower()


def direct(settings: dict[str, Any]) -> set[str]:
    wanted = [*settings["project"]["dependencies"]]
    for extra in settings["project"].get("optional-dependencies", {}).values():
        wanted += extra
    for group in settings.get("dependency-groups", {}).values():
        wanted += group
    return {plain_name(requirement) for requirement in wanted} - OWN


def test_constraints_pin_every_direct_dependency_once() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", pin) for pin in pins)
    names = [plain_name(pin) for pin in pins]
    assert len(names) == len(set(names))
    wanted = direct(project(".")) | direct(project("runtime"))
    assert wanted <= set(names), f"not pinned: {sorted(wanted - set(names))}"


def test_the_runtime_needs_numpy_alone() -> None:
    assert [plain_name(r) for r in project("runtime")["project"]["dependencies"]] == ["numpy"]


def test_both_distributions_have_one_version() -> None:
    trainer, runtime = project(".")["project"], project("runtime")["project"]
    assert trainer["version"] == runtime["version"]
    assert f"lean-automl-runtime=={runtime['version']}" in trainer["dependencies"]
    assert trainer["requires-python"] == runtime["requires-python"]


def test_the_runtime_carries_the_licence() -> None:
    assert (ROOT / "LICENSE").read_bytes() == (ROOT / "runtime" / "LICENSE").read_bytes()


def test_no_link_and_no_large_file_is_tracked() -> None:
    for path in tracked():
        assert not path.is_symlink(), name_of(path)
        assert path.stat().st_size <= 1_000_000, f"{name_of(path)} is too large"
