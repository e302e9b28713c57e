"""What the two project files promise, checked without building anything."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

from quality.project import PACKAGES, ROOT, name_of, tracked

OWN = {"lean-automl", "lean-automl-runtime"}
# That benchmarks run, in environments of their own.
RIVALS = {"autogluon", "flaml", "lleaves", "m2cgen", "onnxmltools", "tl2cgen", "treelite", "ydf"}


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
        wanted += [entry for entry in group if isinstance(entry, str)]  # the others include a group
    return {plain_name(requirement) for requirement in wanted} - OWN


def test_constraints_pin_every_direct_dependency_once() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", pin) for pin in pins)
    names = [plain_name(pin) for pin in pins]
    assert len(names) == len(set(names))
    wanted = direct(project(".")) | direct(project("runtime"))
    assert wanted <= set(names), f"not pinned: {sorted(wanted - set(names))}"


OURS = {*PACKAGES, *(path.stem for path in (ROOT / "tests").rglob("*") if path.is_dir() or path.suffix == ".py")}


def imported(path: Path) -> set[str]:
    """Top-level modules that a file imports, at its head or later, without the standard library and our own."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            found.add(node.module.partition(".")[0])
    beside = {sibling.stem for sibling in path.parent.glob("*.py")}  # as a script finds them
    return found - set(sys.stdlib_module_names) - OURS - beside


def undeclared(files: list[Path], allowed: set[str]) -> dict[str, set[str]]:
    """What files import and no requirement brings, by file."""
    brought_by = packages_distributions()
    found = {}
    for path in files:
        names = {
            module
            for module in imported(path)
            if not {plain_name(d) for d in brought_by.get(module, [module])} & allowed
        }
        if names:
            found[name_of(path)] = names
    return found


def test_every_import_is_a_declared_dependency() -> None:
    python = [path for path in tracked() if path.suffix == ".py"]
    runtime = [path for path in python if path.is_relative_to(ROOT / "runtime" / "lean_automl_runtime")]
    tests = [path for path in python if path.is_relative_to(ROOT / "tests")]
    bench = [path for path in python if path.is_relative_to(ROOT / "bench")]
    shown = [path for path in python if name_of(path).startswith(("docs/", "examples/"))]
    rest = [path for path in python if path not in (*runtime, *tests, *bench, *shown) and path.name != "setup.py"]
    of_runtime = direct(project("runtime"))
    shipped = direct({"project": project(".")["project"]}) | of_runtime
    # The runtime imports pyarrow only to read what the caller has made with it.
    assert undeclared(runtime, of_runtime | {"pyarrow"}) == {}
    assert undeclared(rest, shipped) == {}
    assert undeclared(bench, shipped | RIVALS) == {}
    assert undeclared([*tests, *shown], shipped | direct(project("."))) == {}


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
