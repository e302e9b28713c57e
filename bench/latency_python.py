"""Calls from Python: one record through `predict_one`, and batches; and what compiling an exported header takes."""

import os
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pandas as pd
from latency_models import matrix
from lean_automl_exporters.c import export_c
from lean_automl_exporters.onnx import export_checked
from lean_automl_runtime.engines import make_engine
from lean_automl_runtime.ir import Program
from lean_automl_runtime.measure.reference_programs import make_program
from lean_automl_runtime.measure.reference_shapes import adult_like
from lean_automl_runtime.model import Model

from lean_automl.data import to_table
from lean_automl.data.records import to_records

BATCH = 100_000
COMPILED_TREES = (100, 1_000, 10_000, 50_000)


def model_of(program: Program, engine: str) -> Model:
    return Model(make_engine(program, engine), program.columns, program.classes, {})


def session_of(content: bytes) -> Any:
    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def inputs_of(session: Any, program: Program, frame: pd.DataFrame) -> dict[str, Any]:
    """Tensors of the exported graph for some rows."""
    arrays = dict(zip([c.name for c in program.columns], to_table(frame, program.columns).arrays, strict=True))
    found = {}
    for one in session.get_inputs():
        array = np.asarray(arrays[one.name])
        dtype = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(int64)": np.int64}.get(one.type)
        shape = (-1, 1) if len(one.shape) == 2 else (-1,)
        found[one.name] = (array if dtype is None else array.astype(dtype)).reshape(shape)
    return found


def one_record(program: Program, frame: pd.DataFrame, repeats: int) -> dict[str, Any]:
    """`predict_one(dict)` beside `session.run` on inputs that are already assembled."""
    model, session = model_of(program, "native"), session_of(export_checked(program, [])[0])
    records = to_records(to_table(frame, program.columns))
    whole = inputs_of(session, program, frame)
    tensors = [{name: array[i : i + 1] for name, array in whole.items()} for i in range(len(records))]
    calls: dict[str, tuple[Callable[[Any], Any], list[Any]]] = {
        "predict_one": (model.predict_one, records),
        "session.run": (lambda feed, run=session.run: run(None, feed), tensors),
    }
    overhead = statistics.median(_times(lambda _: None, records))
    rounds: dict[str, list[tuple[float, float]]] = {name: [] for name in calls}
    for turn in range(repeats):
        for name in list(calls) if turn % 2 == 0 else list(calls)[::-1]:
            times = np.array(_times(*calls[name])) - overhead
            rounds[name].append((float(np.median(times)), float(np.quantile(times, 0.99))))
    found: dict[str, Any] = {
        name: {"p50_us": _median_us(0, own), "p99_us": _median_us(1, own)} for name, own in rounds.items()
    }
    pairs = zip(rounds["session.run"], rounds["predict_one"], strict=True)
    found["rows"] = len(records)
    found["session_over_predict_one"] = round(statistics.median(a[0] / b[0] for a, b in pairs), 2)
    found["p99_over_p50"] = round(statistics.median(b / a for a, b in rounds["predict_one"]), 2)
    return found


def _times(call: Callable[[Any], Any], items: list[Any]) -> list[int]:
    clock = time.perf_counter_ns
    times = []
    for item in items:
        begin = clock()
        call(item)
        times.append(clock() - begin)
    return times


def _median_us(place: int, rounds: list[tuple[float, float]]) -> float:
    return round(statistics.median(one[place] for one in rounds) / 1000, 3)


def repeated(frame: pd.DataFrame) -> pd.DataFrame:
    """As many rows as a batch has, drawn from a table."""
    return frame.sample(BATCH, replace=True, random_state=0, ignore_index=True)


def in_turns(calls: dict[str, Callable[[], Any]], repeats: int, ours: str) -> dict[str, Any]:
    """Median milliseconds of each call, and median ratio to ours in the same round."""
    ms: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()
    for turn in range(repeats):
        for name in list(calls) if turn % 2 == 0 else list(calls)[::-1]:
            begin = time.perf_counter_ns()
            calls[name]()
            ms[name].append((time.perf_counter_ns() - begin) / 1e6)
    return {
        name: {
            "ms": round(statistics.median(own), 2),
            "over_ours": round(statistics.median(a / b for a, b in zip(own, ms[ours], strict=True)), 2),
        }
        for name, own in ms.items()
    }


def batches(program: Program, booster: Any, frame: pd.DataFrame, repeats: int) -> dict[str, Any]:
    """The native engine on a frame and on typed arrays, beside onnxruntime and LightGBM on assembled inputs."""
    frame = repeated(frame)
    model, session = model_of(program, "native"), session_of(export_checked(program, [])[0])
    predict = model.predict_proba if program.classes else model.predict
    feed, x = inputs_of(session, program, frame), matrix(program, frame)
    columns = model._reader.table(frame)
    calls: dict[str, Callable[[], Any]] = {
        "native, frame": lambda: predict(frame),
        "native, arrays": lambda: model.run(columns),
        "onnxruntime, same model, assembled": lambda: session.run(None, feed),
        "lightgbm, matrix": lambda: booster.predict(x, num_threads=1),
    }
    return in_turns(calls, repeats, "native, frame")


def compile_times(folder: Path, repeats: int) -> dict[str, Any]:
    """Seconds that gcc takes for the exported header of ever larger models, on the clock and of the processor."""
    gcc = shutil.which("gcc")
    found: dict[str, Any] = {}
    if gcc is None:
        return found
    for trees in COMPILED_TREES:
        text = export_c(make_program(adult_like(trees)))["model.h"]
        (folder / "model.h").write_text(text)
        source = folder / "compile.c"
        source.write_text('#include "model.h"\nvoid f(const model_row *a, model_result *b) { model_predict(a, b); }\n')
        seconds, busy = [], []
        for _ in range(repeats):
            begin, used = time.perf_counter(), os.times()
            command = [gcc, "-O2", "-ffp-contract=off", "-c", str(source), "-o", str(folder / "compile.o")]
            subprocess.run(command, check=True)
            seconds.append(time.perf_counter() - begin)
            now = os.times()
            busy.append(now.children_user + now.children_system - used.children_user - used.children_system)
        found[str(trees)] = {
            "median_s": round(statistics.median(seconds), 2),
            "median_cpu_s": round(statistics.median(busy), 2),
            "header_kb": len(text) // 1024,
        }
    return found
