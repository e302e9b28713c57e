"""Builds wheels from a copy of the sources, without a package index."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import distribution
from pathlib import Path

from quality.project import ROOT

LEFTOVERS = shutil.ignore_patterns("__pycache__", "*.so", "*.pyd", "*.egg-info", "build", "dist", ".*")


def run(*command: object, cwd: Path | None = None) -> str:
    """Run a program and return what it printed."""
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, f"{command}:\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout


def pip(python: Path, *arguments: object) -> str:
    """Run the pip of this environment for another one."""
    return run(sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python, *arguments)


def copy_sources(to: Path) -> None:
    """What a fresh checkout has, as far as building needs it."""
    to.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(ROOT / name, to / name)
    for name in ("lean_automl", "exporters", "runtime", "tests"):
        shutil.copytree(ROOT / name, to / name, ignore=LEFTOVERS)


def build_wheel(source: Path, to: Path) -> Path:
    """Build with the setuptools that is installed here, and return the wheel."""
    to.mkdir(parents=True, exist_ok=True)
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", to, source)
    (wheel,) = to.glob("*.whl")
    return wheel


def contents(wheel: Path) -> set[str]:
    """Names of the files in a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def metadata(wheel: Path) -> list[str]:
    """Lines of a wheel's METADATA."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return archive.read(name).decode("utf-8").splitlines()


def repack(package: str, to: Path) -> Path:
    """A wheel of an installed package, so that pip can install it elsewhere without an index."""
    installed = distribution(package)
    files = [file for file in installed.files or [] if ".." not in file.parts and "__pycache__" not in file.parts]
    tag = next(line.split()[1] for line in (installed.read_text("WHEEL") or "").splitlines() if line.startswith("Tag:"))
    to.mkdir(parents=True, exist_ok=True)
    wheel = to / f"{package}-{installed.version}-{tag}.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for file in files:
            if file.name not in ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json"):
                archive.write(str(file.locate()), file.as_posix())
        names = archive.namelist()
        folder = next(name.partition("/")[0] for name in names if name.endswith(".dist-info/METADATA"))
        archive.writestr(f"{folder}/RECORD", "".join(f"{name},,\n" for name in (*names, f"{folder}/RECORD")))
    return wheel
