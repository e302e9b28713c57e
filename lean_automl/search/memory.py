"""How much memory a process for a fit may take, so that one that is hungry fails alone.

The limit is RLIMIT_DATA, on what is private and writable. It makes an allocation fail at once, where watching the
resident memory from outside is too late. RLIMIT_AS would count what numba and torch reserve and never touch: 1.3 GB
after the imports, against 0.4 GB of data.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

SHARE: Final = 0.9  # of what is available, for all processes together
LEAST_BYTES: Final = 256_000_000  # below which no learner gets anywhere
MOST_LIKELY_TO_GO: Final = "1000"
NOT_LIMITED: Final = 2**60  # a cgroup without a limit names a number about as large as there is
CGROUP: Final = Path("/sys/fs/cgroup")
NO_MEMORY: Final = re.compile(r"MemoryError|bad.alloc|out of memory|not enough memory|cannot allocate", re.IGNORECASE)


def limit_of_each(places: int, running: Iterable[int]) -> int | None:
    """Bytes that one of `places` processes may take beyond what it is born with; None where that cannot be told.

    Args:
        places: Processes that may run at the same time.
        running: Process ids of those that do; what they hold is theirs already.
    """
    available = available_bytes()
    if available is None:
        return None
    return max(LEAST_BYTES, int(SHARE * (available + sum(map(held_bytes, running))) / places))


def available_bytes() -> int | None:
    """Memory that could be had without swapping: the system's, or what is left of the cgroup's if that is less."""
    free = _kilobytes(Path("/proc/meminfo"), "MemAvailable")
    if free is None:
        return None
    return min([free, *_cgroup_room()])


def held_bytes(process: int) -> int:
    """Memory of a process that is not of a file; 0 if it is gone."""
    return _kilobytes(Path(f"/proc/{process}/status"), "RssAnon") or 0


def limit_this_process(more_bytes: int | None) -> None:
    """Let this process take so many more bytes and no more, and be the first that the system ends if it must."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(MOST_LIKELY_TO_GO, encoding="ascii")
    born_with = _kilobytes(Path("/proc/self/status"), "VmData")
    if more_bytes is None or born_with is None:
        return
    import resource

    most = born_with + more_bytes
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard == resource.RLIM_INFINITY or most < hard:
        resource.setrlimit(resource.RLIMIT_DATA, (most, hard))


def explained(reason: str, limit: int | None) -> str:
    """A reason for a failure, with the limit if it is about memory."""
    if limit is None or not NO_MEMORY.search(reason):
        return reason
    return f"{reason.rstrip('.')} (a process may take {limit / 1e6:,.0f} MB here)"


def _cgroup_room() -> list[int]:
    """What is left of the limits of this process's cgroup and of those around it, of either version."""
    try:
        lines = Path("/proc/self/cgroup").read_text(encoding="ascii").splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            root, names = CGROUP, ("memory.max", "memory.current", "inactive_file")
        elif "memory" in controllers.split(","):
            root, names = CGROUP / "memory", ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        else:
            continue
        own = root / path.lstrip("/")
        for folder in (own, *own.parents):
            if not folder.is_relative_to(root):
                break
            limit, used = _number(folder / names[0]), _number(folder / names[1])
            if limit is not None and used is not None and limit < NOT_LIMITED:
                found.append(max(0, limit - used + (_stat(folder / "memory.stat", names[2]) or 0)))
    return found


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):  # a cgroup without a limit says `max`
        return None


def _stat(path: Path, name: str) -> int | None:
    """A value of `name value` lines."""
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) for line in lines if line.split()[0] == name), None)


def _kilobytes(path: Path, name: str) -> int | None:
    """A value of `name: value kB` lines, in bytes."""
    found = _stat(path, f"{name}:")
    return None if found is None else found * 1024


def this_process_ends_with(pipe: int) -> None:
    """End this process when nobody reads the pipe any more: a run that was killed must not leave fits behind."""
    import select
    import threading

    if not hasattr(select, "poll"):
        return

    def watch() -> None:
        poll = select.poll()
        poll.register(pipe, 0)  # an error, which a pipe without a reader is, is always told
        poll.poll()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
