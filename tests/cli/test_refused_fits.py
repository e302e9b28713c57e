"""Tables and settings that `fit` cannot use: one line, the right exit code, nothing left behind."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import pytest
from cli.command_line import CommandLine

DATA: Final = 1
USAGE: Final = 2

pytestmark = pytest.mark.usefixtures("table")


def fit(*more: object, table: str = "table.csv", target: str = "answer") -> tuple[object, ...]:
    return ("fit", table, "--target", target, "--time-limit", 8, "--quiet", *more)


# --- tables -------------------------------------------------------------------------------------------------


def _csv(change: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[Path, pd.DataFrame], None]:
    return lambda path, frame: change(frame).to_csv(path, index=False)


def _bytes(content: bytes) -> Callable[[Path, pd.DataFrame], None]:
    return lambda path, _: path.write_bytes(content) and None


TABLES: Final[dict[str, tuple[Callable[[Path, pd.DataFrame], Any], str]]] = {
    "single class": (_csv(lambda f: f.assign(answer="yes")), "single class"),
    "empty file": (_bytes(b""), "the file is empty"),
    "only blanks": (_bytes(b" \n \n"), "the file is empty"),
    "no rows": (_bytes(b"size,kind,answer\n"), "no rows"),
    "random bytes": (_bytes(bytes(range(256)) * 20), "not a table"),
    "spreadsheet": (_bytes(b"PK\x03\x04" + b"x" * 100), "spreadsheet"),
    "damaged Parquet": (_bytes(b"PAR1" + b"\0" * 40 + b"PAR1"), "damaged"),
    "damaged gzip": (_bytes(b"\x1f\x8b\x08" + b"x" * 30), "damaged"),
    "no row has a target": (_csv(lambda f: f.assign(answer=None)), "no value in any of 300 rows"),
    "few rows have a target": (_csv(lambda f: f.assign(answer=f["answer"].where(f.index < 4))), "rows"),
    "only the target": (_csv(lambda f: f[["answer"]]), "no column is left"),
    "two columns of one name": (_bytes(b"a,a,answer\n1,2,yes\n3,4,no\n"), "two columns are named 'a'"),
}


@pytest.mark.parametrize("what", TABLES)
def test_table_cannot_be_used(cli: CommandLine, frame: pd.DataFrame, what: str) -> None:
    write, words = TABLES[what]
    write(cli.folder / "table.csv", frame)
    assert words in cli.refused(DATA, *fit())


def test_target_is_missing_and_a_near_name_is_offered(cli: CommandLine) -> None:
    assert "Did you mean 'answer'?" in cli.refused(DATA, *fit(target="anser"))
    assert "Known: 'size'" in cli.refused(DATA, *fit(target="price"))


def test_path_leads_nowhere(cli: CommandLine) -> None:
    assert "there is no such file" in cli.refused(DATA, *fit(table="absent.csv"))


def test_path_is_a_folder(cli: CommandLine) -> None:
    assert "this is a folder" in cli.refused(DATA, *fit("--out", "made", table="."))


def test_path_cannot_be_read(cli: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(path: Path) -> bytes:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", forbidden)
    assert "cannot be read: Permission denied" in cli.refused(DATA, *fit())


# --- settings -----------------------------------------------------------------------------------------------

LIMITS: Final = ("--max-latency-ms", "--max-latency-us", "--max-size-kb")
IMPOSSIBLE: Final = ("0", "-1", "nan", "inf", "-inf", "1e-400")


@pytest.mark.parametrize("option", LIMITS)
@pytest.mark.parametrize("value", IMPOSSIBLE)
def test_limit_is_impossible(cli: CommandLine, option: str, value: str) -> None:
    refusal = cli.refused(USAGE, *fit(f"{option}={value}"))
    assert f"{option}: " in refusal
    assert "is not a limit. Give a positive number." in refusal


SETTINGS: Final = {
    ("--latency-quantile=0",): "not between 0 and 1",
    ("--latency-quantile=1",): "not between 0 and 1",
    ("--latency-quantile=nan",): "not between 0 and 1",
    ("--time-limit=0",): "not enough",
    ("--time-limit=nan",): "not enough",
    ("--time-limit=inf",): "not enough",
    ("--max-trials=0",): "not a number of trials",
    ("--holdout=0.9",): "not a share",
    ("--holdout=nan",): "not a share",
    ("--folds=1",): "not between 2 and 20",
    ("--threads=0",): "not between 1 and",
    ("--seed=-1",): "not between 0 and",
    ("--metric=roc_acu",): "Did you mean roc_auc",
    ("--metric=r2",): "does not fit a binary target",
    ("--metric=neg_mean_gamma_deviance",): "does not fit a binary target",
    ("--families=forest",): "'forest' is not one of: ",
    ("--families=,",): "no name was given",
    ("--column=size",): "not NAME:KIND",
    ("--column=size:number",): "'number' is not one of: numeric",
    ("--column=length:numeric",): "'length' is not a column",
    ("--drop=length",): "'length' is not a column",
    ("--time=length",): "'length' is not a column",
    ("--group=length",): "'length' is not a column",
    ("--weight=length",): "'length' is not a column",
    ("--drop=answer",): "already the target",
    ("--task=regression",): "regression needs numbers",
    ("--task=ranking",): "invalid choice: 'ranking'",
    ("--max-latency-ms=soon",): "invalid float value: 'soon'",
    ("--max-latency-ms=1", "--max-latency-us=1"): "not allowed with",
    ("--serve-with=fpga",): "invalid choice: 'fpga'",
    ("--engine=numba",): "unrecognized arguments: --engine=numba",
}


@pytest.mark.parametrize("options", SETTINGS)
def test_setting_cannot_be_used(cli: CommandLine, options: tuple[str, ...]) -> None:
    assert SETTINGS[options] in cli.refused(USAGE, *fit(*options))


def test_weights_are_text(cli: CommandLine) -> None:
    assert "column 'kind'" in cli.refused(DATA, *fit("--weight", "kind"))


def test_no_weight_is_positive(cli: CommandLine, frame: pd.DataFrame) -> None:
    frame.assign(weight=np.zeros(len(frame))).to_csv(cli.folder / "table.csv", index=False)
    assert "weight" in cli.refused(DATA, *fit("--weight", "weight"))


def test_no_column_is_left(cli: CommandLine) -> None:
    dropped = ("--drop", "size", "--drop", "kind", "--drop", "count")
    assert "no column is left" in cli.refused(DATA, *fit(*dropped))


def test_arguments_are_missing(cli: CommandLine) -> None:
    assert "required: COMMAND" in cli.refused(USAGE)
    assert "needs DATA and --target" in cli.refused(USAGE, "fit", "table.csv")
    assert "invalid choice: 'train'" in cli.refused(USAGE, "train", "table.csv")


# --- the folder to make -------------------------------------------------------------------------------------


def test_folder_exists(cli: CommandLine) -> None:
    (cli.folder / "made").mkdir()
    (cli.folder / "made" / "run.json").write_text("{}")
    assert "made exists already" in cli.refused(USAGE, *fit("--out", "made"))


def test_folder_is_not_ours(cli: CommandLine) -> None:
    (cli.folder / "made").mkdir()
    (cli.folder / "made" / "thesis.txt").write_text("years of work")
    assert "was not made by lean_automl" in cli.refused(USAGE, *fit("--out", "made", "--overwrite"))
    assert (cli.folder / "made" / "thesis.txt").read_text() == "years of work"


def test_folder_is_a_file(cli: CommandLine) -> None:
    (cli.folder / "made").write_text("a file")
    assert "is not a folder, so it is not replaced" in cli.refused(USAGE, *fit("--out", "made", "--overwrite"))


def test_folder_has_no_parent(cli: CommandLine) -> None:
    assert "is not a folder. Make it first." in cli.refused(USAGE, *fit("--out", "some/where"))


def test_parent_cannot_be_written_to(cli: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lean_automl.automl.output.os.access", lambda *_: False)  # a superuser may write anywhere
    assert "cannot be written to" in cli.refused(USAGE, *fit("--out", "made"))


def test_default_folder_is_checked_too(cli: CommandLine) -> None:
    (cli.folder / "table-model").mkdir()
    assert "table-model exists already" in cli.refused(USAGE, *fit())


def test_the_disk_is_full(cli: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("lean_automl.automl.pipeline.fit", full)
    assert "No space left on device" in cli.refused(DATA, *fit())


@pytest.mark.parametrize(("said", "shown"), [((), "nothing was written"), (("made holds it",), "made holds it")])
def test_interrupt_ends_in_one_line(
    cli: CommandLine, monkeypatch: pytest.MonkeyPatch, said: tuple[str, ...], shown: str
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt(*said)

    monkeypatch.setattr("lean_automl.automl.pipeline.fit", interrupted)
    assert f"interrupted: {shown}" in cli.refused(130, *fit())
