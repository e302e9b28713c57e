"""The C program that profiles a device: it compiles without a warning, and what it prints is a profile."""

import json
import subprocess
from pathlib import Path

import pytest
from c_compilers import ALL, STRICT
from lean_automl_exporters.c.profile_program import export_profile
from lean_automl_runtime.measure import DeviceProfile
from lean_automl_runtime.measure.reference_shapes import HELD_OUT_SHAPES, REFERENCE_SHAPES, Shape

SHAPES = (
    Shape("oblivious", 1, 2, numeric=2),
    Shape("oblivious", 30, 2),
    Shape("ragged", 10, 3, numeric=4),
    Shape("tables", 8),
    Shape("dense", 16),
    Shape("oblivious", 30, 4, numeric=4, times=1),
    Shape("oblivious", 30, 4, numeric=2, categorical=20),
    Shape("tables", 14, numeric=6, categorical=8),
)


@pytest.mark.skipif("gcc" not in [compiler.name for compiler in ALL], reason="no gcc here")
def test_the_program_prints_a_profile(tmp_path: Path) -> None:
    assert set(SHAPES) <= {*REFERENCE_SHAPES, *HELD_OUT_SHAPES}
    (tmp_path / "profile.c").write_text(export_profile(SHAPES), encoding="utf-8")
    gcc = next(compiler for compiler in ALL if compiler.name == "gcc")
    flags = [flag for flag in STRICT if flag not in ("-Wconversion",)]
    said = ("-DPROFILE_SECONDS=0", "-DPROFILE_ROWS=16", '-DPROFILE_CPU="a device"')
    gcc.build(tmp_path / "profile.c", tmp_path / "profile", "-std=c99", "-O1", *flags, *said)
    printed = subprocess.run([tmp_path / "profile"], capture_output=True, text=True, check=True).stdout
    values = json.loads(printed)
    assert values["programs"] == [shape.name for shape in SHAPES]
    assert [len(slots) for slots in values["slots"]["c"]] == [3] * len(SHAPES)
    assert all(0 < p50 <= p99 and control > 0 for slots in values["slots"]["c"] for p50, p99, control in slots)
    for slots in values["slots"]["c"]:  # as if the machine had held still, which a test cannot ask of it
        for slot in slots:
            slot[2] = 5.0
    profile = DeviceProfile.from_json(values)
    assert profile.machine.cpu == "a device"
    assert list(profile.models) == ["c"]
    assert profile.held_out["c"].programs == 1
    assert DeviceProfile.from_json(json.loads(json.dumps(profile.to_json()))) == profile


@pytest.mark.skipif("gcc" not in [compiler.name for compiler in ALL], reason="no gcc here")
def test_a_clock_may_be_given(tmp_path: Path) -> None:
    (tmp_path / "profile.c").write_text(export_profile(SHAPES[:1]), encoding="utf-8")
    gcc = next(compiler for compiler in ALL if compiler.name == "gcc")
    own = "-DPROFILE_CLOCK_NS=(profile_ticks+=30000)"
    (tmp_path / "with_clock.c").write_text(
        '#include <stdint.h>\nstatic uint64_t profile_ticks = 0;\n#include "profile.c"\n', encoding="utf-8"
    )
    gcc.build(tmp_path / "with_clock.c", tmp_path / "profile", "-std=c99", "-DPROFILE_SECONDS=0", own)
    values = json.loads(subprocess.run([tmp_path / "profile"], capture_output=True, text=True, check=True).stdout)
    assert values["date"] == ""
    assert {slot[2] for slot in values["slots"]["c"][0]} == {30.0}


def test_kernels_that_take_too_much_text_are_left_out() -> None:
    text = export_profile((Shape("oblivious", 800, 8, numeric=30), SHAPES[0]))
    assert "#define KERNELS 1\n" in text
    assert SHAPES[0].name in text
