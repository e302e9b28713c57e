"""What is measured on, and how the process is tied to it."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import numpy as np

THREAD_VARIABLES: Final = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)
PACKAGES: Final = ("lean-automl-runtime", "numpy", "numba", "llvmlite", "onnxruntime")
DEFAULT_L2_BYTES: Final = 2**21
POLLUTED_TIMES_L2: Final = 4
_CPU: Final = Path("/sys/devices/system/cpu")


@dataclass(frozen=True, slots=True)
class Machine:
    """What a figure depends on beside the model.

    Attributes:
        cpu: Model name.
        architecture: Such as `x86_64`.
        cores: Of the machine.
        governor: Of the clock frequency; None where it cannot be read, as in most virtual machines.
        system: Operating system and kernel.
        python: Implementation and version.
        packages: Versions of the packages that take part, where installed.
    """

    cpu: str
    architecture: str
    cores: int
    governor: str | None
    system: str
    python: str
    packages: dict[str, str]

    @classmethod
    def here(cls) -> Machine:
        """The machine that runs this."""
        return cls(
            cpu=_cpu_name(),
            architecture=platform.machine(),
            cores=os.cpu_count() or 1,
            governor=_read(_CPU / "cpu0/cpufreq/scaling_governor"),
            system=f"{platform.system()} {platform.release()}",
            python=f"{platform.python_implementation()} {platform.python_version()}",
            packages=_versions(),
        )

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        return asdict(self)


def thread_environment(threads: int) -> dict[str, str]:
    """Environment variables that hold numeric libraries to a number of threads."""
    return dict.fromkeys(THREAD_VARIABLES, str(threads))


def quiet_core(pause_s: float = 0.05, read: Callable[[], dict[int, int]] | None = None) -> int | None:
    """The allowed core that was idle most during the pause; None where cores cannot be chosen."""
    if not hasattr(os, "sched_getaffinity"):
        return None
    allowed = sorted(os.sched_getaffinity(0))
    read_idle = read or _idle_ticks
    before = read_idle()
    time.sleep(pause_s)
    after = read_idle()
    return max(reversed(allowed), key=lambda core: after.get(core, 0) - before.get(core, 0))


def _idle_ticks() -> dict[int, int]:
    """Idle ticks of each core since boot."""
    ticks = {}
    for line in (_read(Path("/proc/stat")) or "").splitlines():
        name, *counts = line.split()
        if name.startswith("cpu") and name[3:].isdigit() and len(counts) > 3:
            ticks[int(name[3:])] = int(counts[3])
    return ticks


def cache_polluter(core: int | None) -> Callable[[], object]:
    """A function that reads and writes four times the size of the core's L2."""
    buffer = np.zeros(POLLUTED_TIMES_L2 * l2_bytes(core) // 8, dtype=np.int64)
    return lambda: np.add(buffer, 1, out=buffer)


def l2_bytes(core: int | None) -> int:
    """Size of a core's L2 cache; 2 MiB where it cannot be read."""
    size = _read(_CPU / f"cpu{core or 0}/cache/index2/size") or ""
    units = {"K": 2**10, "M": 2**20}
    if size[-1:] in units and size[:-1].isdigit():
        return int(size[:-1]) * units[size[-1]]
    return DEFAULT_L2_BYTES


def _cpu_name() -> str:
    for line in (_read(Path("/proc/cpuinfo")) or "").splitlines():
        key, _, value = line.partition(":")
        if key.strip() in ("model name", "Model", "Hardware"):
            return value.strip()
    return platform.processor() or platform.machine()


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return None
