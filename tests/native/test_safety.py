"""A damaged or malicious plan or artifact is refused, or runs inside its memory: it never ends the process."""

from __future__ import annotations

import copy
import json
import random
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conformance.compare import assert_same
from conformance.programs import hostile_inputs, random_program
from lean_automl_runtime.engines import available
from lean_automl_runtime.errors import ArtifactError, CorruptArtifactError
from lean_automl_runtime.ir import from_bytes, to_bytes
from lean_automl_runtime.native.encode import encode
from lean_automl_runtime.native.plan import build_plan
from lean_automl_runtime.reference import evaluate

HEADERS = str(files("lean_automl_runtime.native").joinpath("."))
SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
ROUNDS = 300  # for each of the plans; a million take minutes and found nothing more
GCC = shutil.which("gcc")


@pytest.mark.skipif(GCC is None, reason="no gcc")
@pytest.mark.parametrize("flags", [(), ("-mavx2",)], ids=["portable", "avx2"])
def test_sanitizers_watch_damaged_plans(flags: tuple[str, ...], tmp_path: Path) -> None:
    if flags and "avx2" not in Path("/proc/cpuinfo").read_text("utf-8"):
        pytest.skip("the processor has no AVX2")
    plans = []
    for seed in range(40):
        path = tmp_path / f"{seed}.plan"
        path.write_bytes(encode(build_plan(*to_bytes(random_program(seed, 1 + seed % 6)))))
        plans.append(str(path))
    fuzz = tmp_path / "fuzz"
    source = Path(__file__).with_name("fuzz_plans.c")
    command = ["gcc", "-std=gnu99", "-O1", "-g", *flags, *SANITIZERS, f"-I{HEADERS}", str(source), "-o", str(fuzz)]
    subprocess.run(command, check=True)
    done = subprocess.run([str(fuzz), "1", str(ROUNDS), *plans], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[:4000]
    run, tried = (int(word) for word in done.stdout.split() if word.isdigit())
    assert 0.05 * tried < run < 0.95 * tried  # else nothing was tried in earnest


# --- heads and blocks: what the native engine takes, the reference takes too --------------------------------------

pytest_native = pytest.mark.skipif(not available("native"), reason="the extension is not built")


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) inside a JSON value."""
    keys: Any = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    found = [(value, key) for key in keys]
    return found + [place for key in keys for place in places(value[key])]


ODD: tuple[Any, ...] = (0, 1, -1, 2, 7, 255, 256, 2**31 - 1, 2**31, 2**63, -(2**63), 1.5, 1e300, True, None, "", "x")


def damage_head(head: Any, rng: random.Random) -> None:
    for _ in range(rng.randint(1, 2)):
        container, key = rng.choice(places(head))
        kind = rng.randint(0, 3)
        if kind == 0:
            container[key] = copy.deepcopy(rng.choice(ODD))
        elif kind == 1:
            container[key] = copy.deepcopy(rng.choice(places(head))[0])
        elif kind == 2 and isinstance(container[key], int):
            container[key] += rng.choice((-1, 1, 8, -8))
        elif isinstance(container, dict):
            del container[key]


def damage_block(block: bytes, rng: random.Random) -> bytes:
    raw = bytearray(block)
    for _ in range(rng.randint(1, 3)):
        if raw:
            raw[rng.randrange(len(raw))] = rng.choice((0, 1, 2, 127, 128, 255, rng.randrange(256)))
    return bytes(raw)


@pytest_native
@pytest.mark.parametrize("seed", range(60))
def test_damaged_artifacts(seed: int) -> None:
    from lean_automl_runtime.engines.native import NativeEngine

    rng = random.Random(seed)
    program = random_program(seed, 1 + seed % 4)
    head, block = to_bytes(program)
    for round_number in range(25):
        described, own_block = json.loads(head), block
        if round_number % 3:
            damage_head(described, rng)
        else:
            own_block = damage_block(block, rng)
        own_head = json.dumps(described).encode()
        try:
            engine = NativeEngine(build_plan(own_head, own_block))
        except ArtifactError:
            continue
        same = from_bytes(own_head, own_block)  # must not raise: no engine takes what another refuses
        inputs = hostile_inputs(same, np.random.default_rng(seed), 40)
        assert_same(evaluate(same, inputs), engine.run(inputs))


@pytest_native
@pytest.mark.parametrize("seed", range(0, 60, 3))
def test_damaged_plans_in_this_process(seed: int) -> None:
    from lean_automl_runtime._native import Predictor
    from lean_automl_runtime.prediction import Prediction

    rng = random.Random(seed)
    plan = build_plan(*to_bytes(random_program(seed)))
    whole = encode(plan)
    for _ in range(200):
        raw = damage_block(whole, rng)[: rng.choice((None, None, rng.randrange(len(whole))))]
        names = tuple(column.name for column in plan.columns)
        try:
            predictor = Predictor(raw, names, plan.classes, Prediction, _parse, _explain)
        except ValueError:
            continue
        predictor.predict_one(tuple(None for _ in names))


def _parse(column: int, value: Any) -> float:
    raise AssertionError((column, value))


def _explain(record: Any) -> Any:
    raise AssertionError(record)


@pytest_native
def test_arguments_of_the_predictor_are_checked() -> None:
    from lean_automl_runtime._native import Predictor
    from lean_automl_runtime.prediction import Prediction

    plan = build_plan(*to_bytes(random_program(1)))
    raw, names = encode(plan), tuple(column.name for column in plan.columns)
    good = (raw, names, plan.classes, Prediction, _parse, _explain)
    for position, wrong in ((0, b""), (0, raw[:-8]), (1, ()), (1, (1,) * len(names)), (2, ("x",) * 99), (3, list)):
        with pytest.raises((ValueError, TypeError)):
            Predictor(*good[:position], wrong, *good[position + 1 :])  # type: ignore[arg-type]
    unmade = Predictor.__new__(Predictor)
    with pytest.raises(RuntimeError):
        unmade.predict_one({})
    with pytest.raises(ValueError, match="number of columns"):
        unmade.run((), 0, None, None, None)


@pytest.mark.parametrize("head", [b"", b"{}", b"[]", b"null", b'{"columns": 1}', b"\xff", b"[" * 100_000])
def test_heads_that_are_nothing(head: bytes) -> None:
    with pytest.raises(CorruptArtifactError):
        build_plan(head, b"")
