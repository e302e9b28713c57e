"""`predict`, `inspect` and `bench` on an artifact made by hand, and what they refuse."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Final

import pandas as pd
import pytest
from cli.command_line import CommandLine
from lean_automl_runtime import load
from quality.small_model import small_records

from lean_automl import __version__

DATA: Final = 1
USAGE: Final = 2

DAMAGE: Final[dict[str, tuple[Callable[[bytes], bytes], str]]] = {
    "empty": (lambda _: b"", "magic number"),
    "foreign": (lambda _: b"age,job\n1,clerk\n", "magic number"),
    "cut off": (lambda good: good[:-9], "cut off"),
    "with something after it": (lambda good: good + b"more", "appended"),
    "one bit flipped": (lambda good: good[:60] + bytes([good[60] ^ 1]) + good[61:], ""),
    "of a future format": (lambda good: good[:8] + b"\xff\x00\xff\x00" + good[12:], "Upgrade lean-automl-runtime"),
}


def commands(model: str) -> list[tuple[str, ...]]:
    return [("predict", model, "rows.csv", "--out", "out.csv"), ("inspect", model), ("bench", model, "rows.csv")]


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("what", DAMAGE)
def test_artifact_is_damaged(cli: CommandLine, model: str, what: str) -> None:
    path = cli.folder / model
    damage, words = DAMAGE[what]
    path.write_bytes(damage(path.read_bytes()))
    for command in commands(model):
        assert words in cli.refused(DATA, *command)


@pytest.mark.usefixtures("rows")
def test_artifact_is_not_there(cli: CommandLine) -> None:
    for command in commands("absent.lam"):
        assert "absent.lam: No such file" in cli.refused(DATA, *command)


@pytest.mark.usefixtures("rows")
def test_onnx_file_is_damaged(cli: CommandLine) -> None:
    (cli.folder / "model.onnx").write_bytes(b"no graph")
    for command in ("predict", "bench"):
        assert "onnxruntime cannot load it" in cli.refused(DATA, command, "model.onnx", "rows.csv")


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("command", ["predict", "bench"])
@pytest.mark.parametrize(("engine", "words"), [("fpga", "is not one of: auto"), ("onnx", "runs ONNX files")])
def test_engine_is_not_known(cli: CommandLine, model: str, command: str, engine: str, words: str) -> None:
    assert words in cli.refused(USAGE, command, model, "rows.csv", "--engine", engine)


@pytest.mark.parametrize("command", ["predict", "bench"])
def test_rows_lack_a_column(cli: CommandLine, model: str, command: str) -> None:
    pd.DataFrame(small_records()).drop(columns="job").to_csv(cli.folder / "rows.csv", index=False)
    assert "column 'job'" in cli.refused(DATA, command, model, "rows.csv")


@pytest.mark.parametrize("command", ["predict", "bench"])
def test_rows_are_no_table(cli: CommandLine, model: str, command: str) -> None:
    (cli.folder / "rows.csv").write_text("")
    assert "the file is empty" in cli.refused(DATA, command, model, "rows.csv")
    assert "no such file" in cli.refused(DATA, command, model, "absent.csv")


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--out", "out.txt"), "neither .csv nor .parquet"),
        (("--out", "rows.csv"), "exists already"),
        (("--out", "some/where.csv"), "is not a folder"),
    ],
)
def test_predictions_cannot_be_written_there(
    cli: CommandLine, model: str, options: tuple[str, ...], words: str
) -> None:
    assert words in cli.refused(USAGE, "predict", model, "rows.csv", *options)


@pytest.mark.usefixtures("rows")
def test_writing_fails_and_leaves_nothing(cli: CommandLine, model: str) -> None:
    (cli.folder / "folder.csv").mkdir()
    line = cli.refused(USAGE, "predict", model, "rows.csv", "--out", "folder.csv", "--overwrite")
    assert "folder.csv cannot be written" in line


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("option", ["--seconds=0", "--seconds=nan", "--launches=0", "--batch-size=0"])
def test_bench_refuses_numbers(cli: CommandLine, model: str, option: str) -> None:
    assert option.partition("=")[0] in cli.refused(USAGE, "bench", model, "rows.csv", option)


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize(
    ("code", "command", "words"),
    [
        (DATA, ("front", "absent"), "front.zip: cannot be read"),
        (DATA, ("front", "damaged"), "front.zip: cannot be read"),
        (DATA, ("report", "absent"), "run.json: cannot be read"),
        (DATA, ("report", "other"), "is not the record of a fit"),
        (DATA, ("select", "absent"), "front.zip: cannot be read"),
        (DATA, ("select", "damaged"), "front.zip: cannot be read"),
        (USAGE, ("select", "absent", "--max-size-kb", "nan"), "is not a limit"),
        (USAGE, ("fit", "--resume", "absent"), "no interrupted run was found"),
        (
            USAGE,
            ("fit", "--resume", "absent", "--quiet", "--max-size-kb", 9),
            "--json may be added, and not --max-size-kb",
        ),
        (USAGE, ("fit", "train.csv", "--resume", "absent"), "only --time-limit, --verbose, --quiet and --json may"),
        (USAGE, ("fit", "--resume", "damaged"), "no interrupted run was found"),
        (DATA, ("compile", "absent.txt"), "cannot be read"),
        (DATA, ("compile", "rows.csv"), "not a model of a known kind"),
        (DATA, ("compile", "damaged"), "cannot be read"),
        (USAGE, ("compile", "rows.csv", "--columns", "absent.json"), "absent.json cannot be read"),
    ],
)
def test_nothing_is_there_to_work_on(cli: CommandLine, code: int, command: tuple[str, ...], words: str) -> None:
    (cli.folder / "damaged").mkdir()
    (cli.folder / "other").mkdir()
    (cli.folder / "other" / "run.json").write_text('{"digest": ""}')
    (cli.folder / "damaged" / "front.zip").write_bytes(b"PK\x03\x04 cut off")
    assert words in cli.refused(code, *command)


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_predictions_are_those_of_the_runtime(cli: CommandLine, model: str, suffix: str) -> None:
    outcome = cli.run("predict", model, "rows.csv", "--out", f"out{suffix}", "--keep")
    assert (outcome.code, outcome.out) == (0, "")
    path = cli.folder / f"out{suffix}"
    written = pd.read_csv(path) if suffix == ".csv" else pd.read_parquet(path)
    known = load(cli.folder / model, "reference")
    expected = known.predict_proba(small_records())
    assert list(written.columns) == ["age", "job", "prediction", "probability_no", "probability_yes"]
    assert written["prediction"].tolist() == known.predict(small_records()).tolist()
    assert abs(written[["probability_no", "probability_yes"]].to_numpy() - expected).max() < 1e-6
    assert cli.files() == {"model.lam", "rows.csv", f"out{suffix}"}


@pytest.mark.usefixtures("rows")
def test_predictions_go_to_standard_output(cli: CommandLine, model: str) -> None:
    outcome = cli.run("predict", model, "rows.csv", "--engine", "reference")
    assert outcome.out.splitlines()[0] == "prediction,probability_no,probability_yes"
    assert len(outcome.out.splitlines()) == 1 + len(small_records())


def test_inspect_shows_everything(cli: CommandLine, model: str) -> None:
    shown = cli.run("inspect", model).out
    assert all(word in shown for word in ("age", "job", "ObliviousTrees", "made by hand", "classes: no, yes"))
    assert "= ObliviousTrees(" in cli.run("inspect", model, "--text").out
    facts = json.loads(cli.run("inspect", model, "--json").out)
    assert set(facts) == {"file", "bytes", "digest", "columns", "classes", "ops", "metadata"}
    assert facts["bytes"] == (cli.folder / model).stat().st_size
    assert facts["classes"] == ["no", "yes"]


@pytest.mark.usefixtures("rows")
def test_bench_prints_json(cli: CommandLine, model: str) -> None:
    outcome = cli.run("bench", model, "rows.csv", "--engine", "reference", "--seconds", "0.2", "--json")
    (measured,) = json.loads(outcome.out)
    assert (outcome.code, outcome.err) == (0, "")
    assert measured["engine"] == "reference"
    assert measured["artifact"] == "model.lam"


def test_the_module_is_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "lean_automl", "--version"], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == f"lean_automl {__version__}\n"
