"""`lean_automl profile`, and `fit --device` with files that are none."""

from __future__ import annotations

import pytest
from cli.command_line import CommandLine


def test_the_program_for_a_device_is_written(cli: CommandLine) -> None:
    outcome = cli.run("profile", "--to", "c", "--out", "profile.c")
    assert outcome.code == 0
    assert "compile it on the device" in outcome.out
    assert "int main(void)" in (cli.folder / "profile.c").read_text(encoding="utf-8")
    assert "exists already" in cli.refused(2, "profile", "--to", "c", "--out", "profile.c")


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("--out", "here.txt"), "no .json file"),
        (("--out", "here.json", "--to", "c"), "no .c file"),
        (("--out", "here.json", "--seconds", "0"), "not a time"),
        (("--out", "here.json", "--engine", "warp"), "'warp'"),
        (("--out", "absent/here.json"), "not a folder"),
    ],
)
def test_what_cannot_be_profiled_is_refused(cli: CommandLine, words: tuple[str, ...], what: str) -> None:
    assert what in cli.refused(2, "profile", *words)


def test_a_device_that_cannot_be_read_is_refused(cli: CommandLine, table: str) -> None:
    (cli.folder / "device.json").write_text("{}", encoding="utf-8")
    fit = ("fit", table, "--target", "answer", "--max-latency-us", "5")
    assert "profile" in cli.refused(2, *fit, "--device", "device.json")
    assert "cannot be read" in cli.refused(2, *fit, "--device", "absent.json")
