"""Every op of the IR has an entry in every table that must know it.

Tables are found, not listed: each `singledispatch` function that has a rule for some op. What may lack ops, or is no
such function, is named here with the reason.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable
from typing import Any, Final

import pytest
from lean_automl_exporters import onnx as onnx_exporter
from lean_automl_exporters.c import lines as c_lines
from lean_automl_runtime import measure
from lean_automl_runtime.ir import ops as o
from lean_automl_runtime.native import encode as native_encode
from lean_automl_runtime.native import lower as native_lower
from lean_automl_runtime.native import texts as native_texts
from lean_automl_runtime.native import values as native_values
from quality.project import PACKAGES

MUST_EXIST: Final = {
    "lean_automl_exporters.onnx.lower.lower",
    "lean_automl_runtime.engines.numba_emit.emit",
    "lean_automl_runtime.ir.types.infer",
    "lean_automl_runtime.measure.op_counts.count_op",
    "lean_automl_runtime.reference.prepare",
}
MAY_LACK: Final[dict[str, set[str]]] = {
    # The layout gives the parts of a Concat neighbouring places; there is nothing to do at run time.
    "lean_automl_runtime.engines.numba_emit.emit": {"Concat"},
    # Its default is a rule: a result without rounding is right, or has no bound.
    "lean_automl_exporters.onnx.bounds.bound": set(o.OPS),
}


def tables() -> dict[str, Callable[..., Any]]:
    """Every function of the runtime and the exporters that dispatches on ops, by its full name."""
    found = {}
    for package in ("lean_automl_runtime", "lean_automl_exporters"):
        prefix = f"{package}."
        for module in pkgutil.walk_packages([str(PACKAGES[package])], prefix):
            if module.name.rpartition(".")[2] == "__main__" or module.name.endswith("._native"):
                continue
            for value in vars(importlib.import_module(module.name)).values():
                registry = getattr(value, "registry", None)
                if registry and any(isinstance(key, type) and issubclass(key, o.Op) for key in registry):
                    found[f"{value.__module__}.{value.__qualname__}"] = value
    return found


TABLES: Final = tables()


def test_known_tables_are_found() -> None:
    assert set(TABLES) >= MUST_EXIST | set(MAY_LACK)


@pytest.mark.parametrize("name", sorted(TABLES))
def test_table_knows_every_op(name: str) -> None:
    default = TABLES[name].dispatch(object)  # type: ignore[attr-defined]
    unknown = {op for op, kind in o.OPS.items() if TABLES[name].dispatch(kind) is default}  # type: ignore[attr-defined]
    allowed = MAY_LACK.get(name, set())
    assert unknown <= allowed, f"{name} has no rule for {sorted(unknown - allowed)}"


def test_native_engine_knows_every_op() -> None:
    assert set(native_values._INFER) == set(o.OPS)
    # These happen before the lines of a plan, where the record is read.
    assert set(native_lower._LOWER) | {"Encode", *native_texts.TEXT_OPS} == set(o.OPS)


def test_every_opcode_of_a_plan_is_known_to_all_who_read_plans() -> None:
    native = PACKAGES["lean_automl_runtime"] / "native"
    codes = re.findall(r"^ +LA_OP_(\w+)(?: = 1)?,", (native / "lean_automl_plan.h").read_text(encoding="utf-8"), re.M)
    assert list(native_encode.OPS) == ["", *codes]  # their place is their number
    assert set(c_lines._STATEMENTS) >= set(codes)
    for reader in ("lean_automl_plan.h", "lean_automl_check.h"):
        code = (native / reader).read_text(encoding="utf-8")
        assert set(re.findall(r"(?:case |default: /\* )LA_OP_(\w+)", code)) == set(codes), reader


def test_every_op_says_what_it_means() -> None:
    for name, op in o.OPS.items():
        assert op.__name__ == name
        assert op.__doc__, name
        assert not op.__doc__.startswith(f"{name}("), f"{name} has no docstring of its own"


def test_packages_are_the_installed_ones() -> None:
    """The tables above are those of this checkout."""
    for module in (onnx_exporter, measure):
        assert any(str(module.__file__).startswith(str(folder)) for folder in PACKAGES.values())
