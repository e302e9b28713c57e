"""`lean_automl compile`: another library's model as the files that `fit` makes."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lean_automl.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd

    from lean_automl.compiler.foreign import Compiled, Request
    from lean_automl.compiler.foreign.heads import Classes

EPILOG: Final = """\
examples:
  lean_automl compile booster.txt --data sample.csv
  lean_automl compile model.json --columns schema.json --classes no,yes --out model-compiled
  lean_automl compile pipeline.joblib --trust-pickle --data sample.parquet
"""
PARITY_ROWS: Final = 2_000


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "compile",
        help="compile a model of another library",
        description="Compile a model of LightGBM (text), XGBoost (JSON, UBJSON), CatBoost (cbm, JSON), scikit-learn "
        "(pickle, joblib) or ONNX (as skl2onnx and onnxmltools write it); what cannot be represented is refused.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", metavar="MODEL", help="the model's file")
    parser.add_argument("--out", metavar="FOLDER", help="folder to make (default: the model's name and -compiled)")
    parser.add_argument("--overwrite", action="store_true", help="replace the folder of an earlier run")
    parser.add_argument(
        "--data",
        metavar="FILE",
        help="table with the model's raw columns: the result is compared with the library on it",
    )
    parser.add_argument(
        "--columns",
        metavar="FILE",
        help="JSON that describes raw columns: name, kind, and where needed dtype, categories",
    )
    parser.add_argument(
        "--classes", metavar="A,B", help="labels of a format that has none, in order of the model's codes"
    )
    parser.add_argument(
        "--rounds", metavar="N", help="boosting rounds to take, or all (default: the best where training stopped early)"
    )
    parser.add_argument(
        "--tolerance", type=float, default=1e-5, metavar="X", help="largest difference from the library (1e-5)"
    )
    parser.add_argument(
        "--trust-pickle", action="store_true", help="load a pickle, which runs whatever code is in the file"
    )
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    parser.set_defaults(run=run)


def run(namespace: argparse.Namespace) -> int:
    """Compile, check and write."""
    from lean_automl.automl.output import check_output, output_folder
    from lean_automl.compiler.foreign import compile_checked

    path = Path(namespace.model)
    out = Path(namespace.out) if namespace.out is not None else Path(f"{path.name.split('.')[0] or 'model'}-compiled")
    check_output(out, namespace.overwrite)
    request = request_of(namespace)
    sample = _sample(namespace)
    compiled = compile_checked(path, request, sample, namespace.tolerance)
    files, facts = _files(compiled, sample, path)
    with output_folder(out) as draft:
        for name, content in files.items():
            (draft / name).write_bytes(content)
    if namespace.json:
        print(json.dumps(facts | {"out": str(out)}, ensure_ascii=False))
    else:
        _show(compiled, facts, out)
    return 0


def request_of(namespace: argparse.Namespace) -> Request:
    """What the command line asks for.

    Raises:
        ConfigError: An option is not usable.
    """
    from lean_automl.compiler.foreign import Request
    from lean_automl.compiler.foreign.describe import read_description

    columns, categories = ((), {}) if namespace.columns is None else read_description(Path(namespace.columns))
    classes = () if namespace.classes is None else tuple(label.strip() for label in namespace.classes.split(","))
    if "" in classes or len(set(classes)) < len(classes):
        raise ConfigError("--classes: a label is empty or repeats.")
    return Request(
        columns=columns,
        classes=_whole(classes),
        rounds=_rounds(namespace.rounds),
        trust_pickle=namespace.trust_pickle,
        categories=categories,
    )


def _whole(labels: tuple[str, ...]) -> Classes:
    """Whole numbers where all labels are."""
    try:
        return tuple(int(label) for label in labels)
    except ValueError:
        return labels


def _rounds(text: str | None) -> int | None:
    if text is None or text == "all":
        return None if text is None else 0
    if not text.isdecimal() or int(text) == 0:
        raise ConfigError(f"--rounds: {text!r} is neither a number of rounds nor 'all'.")
    return int(text)


def _sample(namespace: argparse.Namespace) -> pd.DataFrame | None:
    from lean_automl.data import read_table

    return None if namespace.data is None else read_table(namespace.data)


def _files(compiled: Compiled, sample: pd.DataFrame | None, path: Path) -> tuple[dict[str, bytes], dict[str, Any]]:
    """Content by name, checked against the reference, and the facts about it."""
    from lean_automl_exporters.onnx import check_parity
    from lean_automl_runtime.ir import digest

    from lean_automl import __version__
    from lean_automl.automl.output import MARKER
    from lean_automl.data import to_table
    from lean_automl.student.deploy import EVERY_FILE, ONNX_FILE

    program, parity = compiled.program, compiled.parity
    metadata = {
        "compiled_from": {"file": path.name, "library": compiled.library},
        "notes": list(compiled.notes),
        "parity": None if parity is None else {"rows": parity.rows, "largest_difference": parity.largest_difference},
        "lean_automl": __version__,
    }
    files = EVERY_FILE.contents(program, metadata)
    batches = [] if sample is None else [to_table(sample.head(PARITY_ROWS), program.columns).arrays]
    onnx = check_parity(program, files[ONNX_FILE], batches)
    facts = metadata | {
        "digest": digest(program),
        "bytes": {name: len(content) for name, content in files.items()},
        "onnx_parity": {"rows": onnx.rows, "largest_difference": onnx.largest_difference},
    }
    files[MARKER] = json.dumps(facts, indent=2, ensure_ascii=False).encode()
    return files, facts


def _show(compiled: Compiled, facts: dict[str, Any], out: Path) -> None:
    program, parity = compiled.program, compiled.parity
    what = f"{len(program.classes)} classes" if program.classes else "regression"
    print(f"{out}: {compiled.library} model, {len(program.columns)} columns, {what}")
    for name, size in facts["bytes"].items():
        print(f"  {name}: {size:,} bytes")
    if parity is not None:
        largest = f"{parity.largest_difference:.2g}"
        print(f"  agrees with {compiled.library} on {parity.rows:,} rows; largest difference {largest}")
    else:
        print(f"lean_automl: note: agreement with {compiled.library} was not checked; pass --data", file=sys.stderr)
    for note in compiled.notes:
        print(f"lean_automl: note: {note}", file=sys.stderr)
