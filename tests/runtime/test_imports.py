"""What a process loads: seen in a fresh one, since this one has loaded everything."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

# Third-party modules that are loaded, apart from what site-packages itself starts in every process.
REPORT = """
import json, sys
before = {m.partition(".")[0] for m in sys.modules}
%s
after = {m.partition(".")[0] for m in sys.modules} - before - set(sys.stdlib_module_names)
print(json.dumps(sorted(m for m in after if not m.startswith("_"))))
"""


def loaded_by(code: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", REPORT % code], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    found: list[str] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_importing_the_package_loads_nothing() -> None:
    assert loaded_by("import lean_automl_runtime; lean_automl_runtime.__version__") == ["lean_automl_runtime"]


@pytest.mark.parametrize(
    "code", ["import lean_automl_runtime.errors", "from lean_automl_runtime import LeanAutoMLError"]
)
def test_errors_load_nothing(code: str) -> None:
    assert loaded_by(code) == ["lean_automl_runtime"]


def test_predicting_with_the_reference_loads_numpy_alone(lam: Path, record: dict[str, Any]) -> None:
    code = (
        "import lean_automl_runtime as r\n"
        f"model = r.load({str(lam)!r}, engine='reference')\n"
        f"assert model.predict_one({record!r}).value == 'yes'\n"
        f"assert model.predict([{record!r}]).tolist() == ['yes']\n"
    )
    assert loaded_by(code) == ["lean_automl_runtime", "numpy"]


def test_predicting_with_numba_loads_no_other_engine(lam: Path, record: dict[str, Any]) -> None:
    pytest.importorskip("numba")
    code = (
        "import lean_automl_runtime as r\n"
        f"model = r.load({str(lam)!r}, engine='numba')\n"
        f"assert model.predict_one({record!r}).value == 'yes'\n"
    )
    assert {"lean_automl", "onnx", "onnxruntime", "pandas", "pyarrow"}.isdisjoint(loaded_by(code))
