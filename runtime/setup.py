"""Builds the optional C extension; everything else is in pyproject.toml.

Without a compiler the install goes on: `optional` turns a failed build into a warning, and the runtime then says
which engine runs.
"""

import sys
from pathlib import Path

from setuptools import Extension, setup

NATIVE = "lean_automl_runtime/native"
# Results must equal the reference bit for bit: no fused multiply-add.
WINDOWS = sys.platform == "win32"
FLAGS = ["/O2", "/fp:precise"] if WINDOWS else ["-O3", "-g0", "-std=c99", "-ffp-contract=off", "-fvisibility=hidden"]

setup(
    ext_modules=[
        Extension(
            "lean_automl_runtime._native",
            sources=[
                f"{NATIVE}/{name}.c" for name in ("extension", "read", "batch", "encode", "run_portable", "run_avx2")
            ],
            depends=sorted(path.as_posix() for path in Path(NATIVE).glob("*.h")),
            extra_compile_args=FLAGS,
            py_limited_api=True,
            optional=True,
        )
    ],
    # One wheel for all versions of Python from 3.11 on.
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
