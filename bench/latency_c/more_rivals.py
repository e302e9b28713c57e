"""Forms of a LightGBM model for lleaves, m2cgen and timber: `more_rivals.py FOLDER`, in a Python that has them.

Reads `lightgbm.txt`; writes `lleaves.o`, `m2cgen.c` and `timber/`, and `more_rivals.json` with versions and with why
one is missing.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import lightgbm

folder = Path(sys.argv[1])
model_file = folder / "lightgbm.txt"


def lleaves() -> str:
    import lleaves

    lleaves.Model(model_file=model_file).compile(cache=folder / "lleaves.o")
    return version("lleaves")


def m2cgen() -> str:
    import m2cgen

    booster = lightgbm.Booster(model_file=str(model_file))
    classifies = booster.dump_model()["objective"].startswith("binary")
    model = lightgbm.LGBMClassifier() if classifies else lightgbm.LGBMRegressor()
    model._Booster, model.fitted_, model._n_classes = booster, True, 2
    sys.setrecursionlimit(100_000)  # it walks trees by calling itself
    (folder / "m2cgen.c").write_text(m2cgen.export_to_c(model))
    return version("m2cgen")


def timber() -> str:
    # Its passes drop leaves, and answers with them differ in the second digit.
    command = [str(Path(sys.executable).with_name("timber")), "compile", "--format", "lightgbm", "--no-optimize"]
    subprocess.run([*command, "--model", model_file, "--out", folder / "timber"], check=True, capture_output=True)
    return version("timber-compiler")


def attempt(make: Callable[[], str]) -> dict[str, str]:
    try:
        return {"version": make()}
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"[:300]}


found = {make.__name__: attempt(make) for make in (lleaves, m2cgen, timber)}
(folder / "more_rivals.json").write_text(json.dumps(found))
