"""`export`: what it writes, what it measures, and what it refuses."""

from __future__ import annotations

import json
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from cli.command_line import CommandLine
from lean_automl_exporters.c import COptions, export_c
from lean_automl_exporters.onnx import ParityReport, TreeEncoding, export_onnx
from lean_automl_runtime import Artifact, load, write_artifact
from lean_automl_runtime.ir import PREDICTION, Column, ColumnKind, Program, ProgramBuilder
from lean_automl_runtime.ir import ops as o
from quality.small_model import small_program, small_records

from lean_automl.automl import encodings
from lean_automl.automl.encodings import Variant, best
from lean_automl.automl.infeasible import rounded_up
from lean_automl.config import Constraints
from lean_automl.errors import InfeasibleError, MeasurementError, ParityError

DATA = 1
USAGE = 2
INFEASIBLE = 3
SHORT = ("--seconds", "0.02")


def linear_program() -> Program:
    """A model without trees."""
    builder = ProgramBuilder((Column("a", ColumnKind.NUMERIC, "float32"), Column("b", ColumnKind.NUMERIC, "float32")))
    weight = np.array([[0.5], [-2.0]], dtype=np.float32)
    both = builder.add(o.Impute((builder.add(o.Concat((0, 1))),), np.zeros(2, dtype=np.float32)))
    dense = o.Dense((both,), weight, np.zeros(1, dtype=np.float32), o.Activation.IDENTITY)
    return builder.build({PREDICTION: builder.add(dense)})


def write_linear(folder: Path) -> str:
    (folder / "linear.lam").write_bytes(write_artifact(Artifact(linear_program())))
    return "linear.lam"


def answers(path: Path) -> np.ndarray[Any, Any]:
    return load(path).predict_proba(small_records())


# --- what is written -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "own"),
    [
        ((), COptions()),
        (("--prefix", "credit"), COptions("credit")),
        (("--integer-only",), COptions(integer_only=True)),
        (("--few-bytes",), COptions(few_bytes=True)),
    ],
)
def test_c_header(cli: CommandLine, model: str, options: tuple[str, ...], own: COptions) -> None:
    outcome = cli.run("export", model, "--to", "c", "--out", "own.h", *options, "--json")
    assert (outcome.code, outcome.err) == (0, "")
    text = (cli.folder / "own.h").read_text(encoding="utf-8")
    assert text == export_c(small_program(), own)[f"{own.prefix}.h"]
    facts = json.loads(outcome.out)
    assert facts["bytes"] == len(text.encode())
    assert (facts["file"], facts["prefix"], facts["integer_only"]) == ("own.h", own.prefix, own.integer_only)
    assert facts["few_bytes"] == own.few_bytes


@pytest.mark.parametrize("inputs", ["raw", "features"])
@pytest.mark.parametrize("encoding", ["tensor", "tree_ensemble", "tree_ensemble_v3"])
def test_onnx_file(cli: CommandLine, model: str, encoding: str, inputs: str) -> None:
    outcome = cli.run(
        *("export", model, "--to", "onnx", "--out", "own.onnx", "--encoding", encoding, "--inputs", inputs, "--json")
    )
    assert (outcome.code, outcome.err) == (0, "")
    facts = json.loads(outcome.out)
    assert (facts["encoding"], facts["inputs"], facts["measured"]) == (encoding, inputs, [])
    assert facts["bytes"] == (cli.folder / "own.onnx").stat().st_size
    assert facts["parity"]["rows"] > 1000
    written = load(cli.folder / "own.onnx")
    assert written.metadata == {"note": "made by hand"}
    np.testing.assert_allclose(answers(cli.folder / "own.onnx"), answers(cli.folder / model), atol=1e-6)


def test_auto_measures_every_encoding(cli: CommandLine, model: str, rows: str) -> None:
    outcome = cli.run("export", model, "--to", "onnx", "--out", "own.onnx", "--data", rows, *SHORT)
    assert (outcome.code, outcome.err) == (0, "")
    assert all(name in outcome.out for name in ("tensor", "tree_ensemble", "tree_ensemble_v3", "p99 us"))
    assert "own.onnx: " in outcome.out
    np.testing.assert_allclose(answers(cli.folder / "own.onnx"), answers(cli.folder / model), atol=1e-6)


def test_auto_keeps_a_size_limit(cli: CommandLine, model: str) -> None:
    sizes = {e: len(export_onnx(small_program(), encodings_options(e), {"note": "made by hand"})) for e in TreeEncoding}
    smallest = min(sizes.values())
    outcome = cli.run(
        *("export", model, "--to", "onnx", "--out", "own.onnx", "--max-size-kb", smallest / 1000, "--json", *SHORT)
    )
    facts = json.loads(outcome.out)
    assert facts["bytes"] == smallest
    assert {one["encoding"]: one["bytes"] for one in facts["measured"]} == {
        name: size for name, size in sizes.items() if name not in ("auto", "compact")
    }
    assert [one["encoding"] for one in facts["measured"] if one["within_limits"]] == [facts["encoding"]]


def encodings_options(encoding: TreeEncoding) -> Any:
    from lean_automl_exporters.onnx import OnnxOptions

    return OnnxOptions(encoding)


def test_a_model_without_trees_leaves_nothing_to_choose(cli: CommandLine) -> None:
    outcome = cli.run("export", write_linear(cli.folder), "--to", "onnx", "--out", "own.onnx", "--json")
    facts = json.loads(outcome.out)
    assert (facts["encoding"], facts["measured"]) == ("auto", [])


def test_a_latency_limit_is_measured(cli: CommandLine) -> None:
    linear = write_linear(cli.folder)
    command = ("export", linear, "--to", "onnx", "--out", "own.onnx", "--json", *SHORT)
    line = cli.refused(INFEASIBLE, *command, "--max-latency-us", "0.01")
    assert "the file does not meet every limit" in line
    assert "--max-latency-us" in line
    facts = json.loads(cli.run(*command, "--max-latency-ms", "10000").out)
    (found,) = facts["measured"]
    assert found["within_limits"]
    assert 0 < found["p50_us"] <= found["quantile_us"] <= found["upper_us"]


# --- what is refused -----------------------------------------------------------------------------------------


def test_no_encoding_is_small_enough(cli: CommandLine, model: str) -> None:
    line = cli.refused(
        *(INFEASIBLE, "export", model, "--to", "onnx", "--out", "own.onnx", "--max-size-kb", "0.5", "--json", *SHORT)
    )
    assert "no encoding meets every limit. Nearest miss: " in line
    assert "over the limit of 0.5 kB" in line
    assert "--max-size-kb" in line


@pytest.mark.parametrize(
    ("code", "options", "words"),
    [
        (USAGE, ("--to", "onnx", "--out", "own.h"), "own.h is no .onnx file"),
        (USAGE, ("--to", "c", "--out", "own.onnx"), "own.onnx is no .h file"),
        (USAGE, ("--to", "c", "--out", "some/own.h"), "is not a folder"),
        (USAGE, ("--to", "c", "--out", "there.h"), "exists already"),
        (USAGE, ("--to", "c", "--out", "folder.h", "--overwrite"), "cannot be written"),
        (USAGE, ("--to", "jar", "--out", "own.jar"), "invalid choice"),
        (USAGE, ("--to", "c"), "--out"),
        (USAGE, ("--to", "c", "--out", "own.h", "--prefix", "2nd"), "does not make C names"),
        (USAGE, ("--to", "c", "--out", "own.h", "--encoding", "tensor"), "--encoding goes with --to onnx"),
        (USAGE, ("--to", "c", "--out", "own.h", "--inputs", "raw"), "--inputs goes with --to onnx"),
        (USAGE, ("--to", "c", "--out", "own.h", "--max-size-kb", "9"), "--max-size-kb goes with --to onnx"),
        (USAGE, ("--to", "onnx", "--out", "own.onnx", "--prefix", "m"), "--prefix goes with --to c"),
        (USAGE, ("--to", "onnx", "--out", "own.onnx", "--integer-only"), "--integer-only goes with --to c"),
        (USAGE, ("--to", "onnx", "--out", "own.onnx", "--seconds", "0"), "--seconds"),
        (USAGE, ("--to", "onnx", "--out", "own.onnx", "--max-size-kb", "-1"), "is not a limit"),
        (DATA, ("--to", "onnx", "--out", "own.onnx", "--data", "absent.csv"), "no such file"),
    ],
)
def test_wrong_options(cli: CommandLine, model: str, code: int, options: tuple[str, ...], words: str) -> None:
    (cli.folder / "there.h").touch()
    (cli.folder / "folder.h").mkdir()
    assert words in cli.refused(code, "export", model, *options)


def test_what_a_form_cannot_say(cli: CommandLine) -> None:
    linear = write_linear(cli.folder)
    line = cli.refused(DATA, "export", linear, "--to", "c", "--out", "own.h", "--integer-only")
    assert "integer-only C cannot say" in line


def test_the_artifact_cannot_be_used(cli: CommandLine) -> None:
    (cli.folder / "damaged.lam").write_bytes(b"no artifact")
    assert "magic number" in cli.refused(DATA, "export", "damaged.lam", "--to", "c", "--out", "own.h")
    assert "No such file" in cli.refused(DATA, "export", "absent.lam", "--to", "c", "--out", "own.h")


def test_a_file_that_disagrees_is_not_written(cli: CommandLine, model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def disagrees(*_: object) -> None:
        raise ParityError("it disagrees")

    monkeypatch.setattr(encodings, "export_checked", disagrees)
    (cli.folder / "own.onnx").write_bytes(b"as it was")
    assert "it disagrees" in cli.refused(DATA, "export", model, "--to", "onnx", "--out", "own.onnx", "--overwrite")
    assert (cli.folder / "own.onnx").read_bytes() == b"as it was"


# --- which one is taken --------------------------------------------------------------------------------------


def variant(encoding: str, size: int, p50: float, upper: float) -> Variant:
    total = SimpleNamespace(p50=SimpleNamespace(value_us=p50), samples=2_000)
    latency = SimpleNamespace(total=total, upper_us=lambda _: upper)
    parity = ParityReport(1, 1, 0, 1, 0.0, 0.0)
    return Variant(TreeEncoding(encoding), bytes(size), parity, latency)  # type: ignore[arg-type]


VARIANTS = (
    variant("tensor", 100, 20.0, 50.0),
    variant("tree_ensemble", 300, 10.1, 90.0),
    variant("tree_ensemble_v3", 400, 10.0, 40.0),
)


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (Constraints(), "tree_ensemble"),  # as good as equally quick, and smaller
        (Constraints(max_latency_us=60), "tree_ensemble_v3"),
        (Constraints(max_size_bytes=200), "tensor"),
        (Constraints(max_size_bytes=350, max_latency_us=60), "tensor"),
    ],
)
def test_the_quickest_within_limits(limits: Constraints, expected: str) -> None:
    assert best(VARIANTS, limits).encoding == expected


def test_a_quantile_without_a_bound_is_not_called_too_slow() -> None:
    unbound = variant("tensor", 100, 20.0, math.inf)
    with pytest.raises(MeasurementError, match=r"tensor: 2,000 calls do not bound the 0\.999 quantile"):
        best([unbound], Constraints(max_latency_us=20, latency_quantile=0.999))


@pytest.mark.parametrize(
    ("value", "said"), [(0.1234, "0.13"), (0.3, "0.3"), (9.91, "10"), (12.3, "13"), (1234.5, "1235"), (48.0, "48")]
)
def test_what_would_fit_is_rounded_up(value: float, said: str) -> None:
    assert rounded_up(value) == said


def test_the_nearest_miss_has_the_least_excess() -> None:
    with pytest.raises(InfeasibleError, match=r"tree_ensemble_v3, which takes up to 40.0 us .* 100% over .* 20 us"):
        best(VARIANTS, Constraints(max_latency_us=20))
