"""Long tables are texts that compilers read back byte for byte."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from c_compilers import ALL, REASON, STRICT, Compiler
from lean_automl_exporters.c.tables import Tables
from lean_automl_runtime.native.block import Table

pytestmark = pytest.mark.skipif(not ALL, reason=REASON)

HEAD = "#include <stdint.h>\n#include <stdio.h>\n"


@pytest.mark.parametrize("compiler", ALL, ids=lambda compiler: compiler.name)
def test_every_pair_of_bytes(compiler: Compiler, tmp_path: Path) -> None:
    """Digits after escapes, quotes, trigraphs, zeros, and bytes above 127."""
    data = bytes(byte for first in range(256) for second in range(256) for byte in (first, second))
    tables = Tables("model")
    name = tables.name(Table("B", data))
    main = f"int main(void) {{\n    return fwrite({name}, 1, sizeof {name}, stdout) != sizeof {name};\n}}\n"
    source, program = tmp_path / "table.c", tmp_path / "table"
    source.write_text(HEAD + tables.text() + main, "ascii")
    compiler.build(source, program, compiler.standards[0], *STRICT)
    assert subprocess.run([program], check=True, capture_output=True).stdout == data
