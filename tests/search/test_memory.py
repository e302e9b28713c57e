import os
from pathlib import Path

import pytest

from lean_automl.search import memory

MB = 1_000_000


def cgroups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: str, files: dict[str, str]) -> None:
    """A system with these cgroups and 8 GB free."""
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "proc").write_text(lines)
    (tmp_path / "meminfo").write_text("MemTotal: 16000000 kB\nMemAvailable: 8000000 kB\n")
    places = {"/proc/self/cgroup": tmp_path / "proc", "/proc/meminfo": tmp_path / "meminfo"}
    monkeypatch.setattr(memory, "CGROUP", tmp_path)
    monkeypatch.setattr(memory, "Path", lambda path: places.get(path, Path(path)))


def test_memory_is_the_systems_without_a_cgroup_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cgroups(tmp_path, monkeypatch, "0::/a\n", {"a/memory.max": "max\n", "a/memory.current": "5\n"})
    assert memory.available_bytes() == 8_000_000 * 1024


def test_the_limits_of_cgroups_around_the_own_one_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        "a/memory.max": "2000000000\n",
        "a/memory.current": "500000000\n",
        "a/memory.stat": "anon 1\ninactive_file 100000000\n",
        "a/b/memory.max": "max\n",
        "a/b/memory.current": "5\n",
    }
    cgroups(tmp_path, monkeypatch, "0::/a/b\n", files)
    assert memory.available_bytes() == 1600 * MB


def test_cgroups_of_the_first_version_hold_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        "memory/c/memory.limit_in_bytes": "1000000000\n",
        "memory/c/memory.usage_in_bytes": "400000000\n",
        "memory/memory.limit_in_bytes": "9223372036854771712\n",
        "memory/memory.usage_in_bytes": "400000000\n",
    }
    cgroups(tmp_path, monkeypatch, "5:devices:/\n4:cpu,memory:/c\n0::/\n", files)
    assert memory.available_bytes() == 600 * MB


def test_what_running_processes_hold_is_part_of_what_is_shared_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available_bytes", lambda: 3000 * MB)
    monkeypatch.setattr(memory, "held_bytes", lambda process: {7: 1000 * MB}[process])
    assert memory.limit_of_each(2, [7]) == 1800 * MB
    assert memory.limit_of_each(2, []) == 1350 * MB
    monkeypatch.setattr(memory, "available_bytes", lambda: 0)
    assert memory.limit_of_each(2, []) == memory.LEAST_BYTES
    monkeypatch.setattr(memory, "available_bytes", lambda: None)
    assert memory.limit_of_each(2, []) is None


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc here")
def test_this_process_holds_memory_and_one_that_is_gone_does_not() -> None:
    assert memory.held_bytes(os.getpid()) > MB
    assert memory.held_bytes(2**30) == 0


def test_only_failures_for_memory_name_the_limit() -> None:
    assert memory.explained("std::bad_alloc", 5 * MB) == "std::bad_alloc (a process may take 5 MB here)"
    assert memory.explained("ValueError: bad", 5 * MB) == "ValueError: bad"
    assert memory.explained("MemoryError: x", None) == "MemoryError: x"
