"""From a Program to the bytes of an ONNX file: lower, then emit."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING, Any, Final

from lean_automl_runtime.artifact import Artifact, write_artifact
from lean_automl_runtime.engines.onnx import (
    FEATURES,
    METADATA_CLASSES,
    METADATA_COLUMNS,
    METADATA_FACTS,
    METADATA_OUTPUTS,
    METADATA_TRANSFORM,
)
from lean_automl_runtime.errors import ExportError
from lean_automl_runtime.ir import LABEL

from lean_automl_exporters.onnx.emit import Port, to_model
from lean_automl_exporters.onnx.graph import ML_DOMAIN, RUNTIME_DOMAIN, Graph
from lean_automl_exporters.onnx.lower import Lowering
from lean_automl_exporters.onnx.options import DEFAULT_OPTIONS, Inputs, OnnxOptions
from lean_automl_exporters.split import split_program

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from lean_automl_runtime.ir import Program

    from lean_automl_exporters.split import Split

OPSET: Final = 17
ML_OPSET: Final = 3
ML_OPSET_OF_TREE_ENSEMBLE: Final = 5
RUNTIME_OPSET: Final = 1


def export_onnx(
    program: Program, options: OnnxOptions = DEFAULT_OPTIONS, metadata: Mapping[str, Any] | None = None
) -> bytes:
    """A model that takes each raw column as an input (n, 1), and needs nothing but an ONNX runtime.

    A Program that reads whole texts needs onnxruntime, whose own `Tokenizer` cuts them into words.

    With `inputs` set to `features`, it takes one float32 matrix `features` (n, k) instead (`split`), and the Program
    that makes it of raw columns is in the file's metadata, from where the runtime's `onnx` engine takes it.

    Inputs have the names of the columns. Outputs have the names of the Program's: `label` (n,), `probabilities`
    (n, classes), `prediction` (n, 1); one whose name is taken by a column gets underscores appended.

    Args:
        program: What to write.
        options: Choices.
        metadata: Facts to note in the file: measured figures, provenance. JSON values.

    Raises:
        ExportError: A name, category or class is not valid Unicode text.
        UnsupportedOpError: The chosen encoding has no form for an op.
        MissingDependencyError: onnx is not installed.
    """
    split = split_program(program) if options.inputs is Inputs.FEATURES else None
    lowered, inputs = program, [Port(column.name, column.dtype, 1) for column in program.columns]
    if split is not None:
        lowered, inputs = split.model, [Port(FEATURES, "float32", len(split.model.columns))]
    ports = output_names(program.outputs, {port.name for port in inputs})
    graph = Graph(reserved=(*(port.name for port in inputs), *ports.values()))
    lowering = Lowering(lowered, graph, options, FEATURES if split is not None else None)
    for name, number in lowered.outputs.items():
        graph.name_output(ports[name], lowering.tensor(number))
    graph.drop_unused(ports.values())
    outputs = [_output(program, name, ports[name]) for name in program.outputs]
    notes = _notes(program, ports, metadata or {}) | _transform_note(split)
    try:
        return to_model(graph, (inputs, outputs), _opsets(graph), notes)
    except UnicodeEncodeError as error:
        raise ExportError(
            f"{error.object!r:.60} is not valid Unicode text, which ONNX needs of column names, categories and classes"
        ) from error


def output_names(outputs: Iterable[str], inputs: Collection[str]) -> dict[str, str]:
    """Name in the graph of each output: its own, unless an input has that name."""
    taken = set(inputs)
    names = {}
    for name in outputs:
        free = name
        while free in taken:
            free += "_"
        names[name] = free
        taken.add(free)
    return names


def _opsets(graph: Graph) -> dict[str, int]:
    """The oldest versions that have the nodes, because old runtimes refuse new ones."""
    newest = any(node.op_type == "TreeEnsemble" for node in graph.nodes)
    versions = {"": OPSET, ML_DOMAIN: ML_OPSET_OF_TREE_ENSEMBLE if newest else ML_OPSET, RUNTIME_DOMAIN: RUNTIME_OPSET}
    used = {"", *(node.domain for node in graph.nodes)}
    return {domain: version for domain, version in versions.items() if domain in used}


def _output(program: Program, name: str, port: str) -> Port:
    if name != LABEL:
        return Port(port, "float32", program.types[program.outputs[name]].width)
    dtype = {str: "string", int: "int64", bool: "bool"}[type(program.classes[0])]
    return Port(port, dtype, None)


def _notes(program: Program, ports: Mapping[str, str], metadata: Mapping[str, Any]) -> dict[str, str]:
    notes = {METADATA_COLUMNS: _json([[c.name, c.kind, c.dtype] for c in program.columns])}
    if program.classes:
        notes[METADATA_CLASSES] = _json(program.classes)
    renamed = {port: name for name, port in ports.items() if port != name}
    if renamed:
        notes[METADATA_OUTPUTS] = _json(renamed)
    if metadata:
        notes[METADATA_FACTS] = _json(metadata)
    return notes


def _transform_note(split: Split | None) -> dict[str, str]:
    if split is None:
        return {}
    return {METADATA_TRANSFORM: b64encode(write_artifact(Artifact(split.transform))).decode("ascii")}


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
