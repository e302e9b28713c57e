"""Further compilers of LightGBM models for the comparison of one row: lleaves, m2cgen and timber."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lean_automl_runtime.ir import Program

SAME = 1e-5  # relative, of mean answers: what differs more is another model


def makers(
    folder: Path, program: Program, python: str, run: Callable[..., str], build: Callable[..., Path], flags: tuple
) -> dict[str, Callable[[], Path]]:
    """What builds a shared library of each that could write code, by the library's name.

    Args:
        folder: Has `lightgbm.txt`, `model.h` and `encode.inc`.
        program: Tells whether classes are predicted.
        python: Has lleaves, m2cgen, timber-compiler and lightgbm.
        run: Runs a command.
        build: Compiles sources to a shared library.
        flags: Of the compiler.
    """
    sources = Path(__file__).parent / "latency_c"
    run(python, sources / "more_rivals.py", folder)
    wrote = json.loads((folder / "more_rivals.json").read_text())
    parts = {
        "lleaves": ("-DLLEAVES", lambda: [folder / "lleaves.o"]),
        "m2cgen": ("-DM2CGEN", lambda: [folder / "m2cgen.c"]),
        "timber": ("-DTIMBER", lambda: sorted((folder / "timber").glob("*.c"))),
    }

    def made(name: str) -> Path:
        define, more = parts[name]
        if "error" in wrote[name]:
            raise RuntimeError(wrote[name]["error"])
        classes = ("-DBENCH_CLASSES",) if program.classes else ()
        return build(folder, f"{name}_engine", sources / "flat.c", *more(), flags=(*flags, define, *classes))

    return {name: (lambda name=name: made(name)) for name in parts}


def without_wrong_answers(found: dict[str, Any]) -> dict[str, str]:
    """Take engines that do not answer as the LightGBM model does out of a result of `time_engines`; why, by name."""
    answers = found["mean_answers"]
    wanted = answers.get("lightgbm_fast")
    wrong = {}
    for name in ("lleaves_engine", "m2cgen_engine", "timber_engine"):
        if wanted is not None and name in answers and not abs(answers[name] - wanted) <= SAME * abs(wanted):
            wrong[name] = f"its mean answer is {answers[name]:.6g}, that of LightGBM {wanted:.6g}"
            for kind in ("encoded rows", "text categories"):
                found[kind].pop(name, None)
    return wrong
