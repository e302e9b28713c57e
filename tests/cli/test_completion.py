"""`completion`: scripts that their shells can read, with what the parser has."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from cli.command_line import CommandLine

from lean_automl.cli.completion import SHELLS


@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_has_commands_and_options_and_is_read_by_its_shell(cli: CommandLine, shell: str) -> None:
    outcome = cli.run("completion", shell)
    assert (outcome.code, outcome.err) == (0, "")
    for word in ("fit", "gate", "completion", "max-latency-ms", "lean_automl"):
        assert word in outcome.out, word
    program = shutil.which(shell)
    if program is not None:
        done = subprocess.run([program, "-n"], input=outcome.out, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")


def completed(cli: CommandLine, line: str) -> list[str]:
    """What bash offers for the last word of a line."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("there is no bash")
    script = cli.run("completion", "bash").out
    words = line.split(" ")
    asked = "\n".join([
        script,
        f"COMP_WORDS=({' '.join(repr(word) for word in words)})",
        f"COMP_CWORD={len(words) - 1}",
        "_shtab_lean_automl",
        'printf "%s\\n" "${COMPREPLY[@]}"',
    ])  # fmt: skip
    done = subprocess.run([bash, "-c", asked], cwd=cli.folder, capture_output=True, text=True, check=False)
    return done.stdout.split()


def test_bash_completes_commands_options_and_choices(cli: CommandLine) -> None:
    assert completed(cli, "lean_automl ga") == ["gate"]
    assert "--max-latency-ms" in completed(cli, "lean_automl fit --max-l")
    assert completed(cli, "lean_automl completion z") == ["zsh"]


def test_another_shell_is_refused(cli: CommandLine) -> None:
    assert "csh" in cli.refused(2, "completion", "csh")
