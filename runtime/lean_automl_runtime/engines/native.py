"""Evaluates a Program with the compiled kernel: the fastest engine, and the one that starts without numpy.

A record goes straight to C, which reads exact Python scalars itself and calls back here for anything else; so what a
value means, and what an error says, is the same for every engine. Results equal the reference bit for bit.
"""

from lean_automl_runtime._native import Predictor
from lean_automl_runtime.errors import CorruptArtifactError
from lean_automl_runtime.native.encode import encode
from lean_automl_runtime.native.plan import Plan, build_plan
from lean_automl_runtime.prediction import Prediction

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    import numpy as np

    from lean_automl_runtime.container import Payload
    from lean_automl_runtime.engines.columns import ColumnReader
    from lean_automl_runtime.ir.columns import Column
    from lean_automl_runtime.ir.program import Program
    from lean_automl_runtime.records import Record

    Array = np.ndarray[Any, np.dtype[Any]]

MISSING_TIME = -(2**63)  # as in `ir.columns`, which imports dataclasses


class NativeEngine:
    """Evaluates one Program. Threads may share it.

    Attributes:
        classes: Class labels; empty for a regressor.
        predict_one: The prediction for one record.
    """

    name = "native"

    def __init__(self, plan: Plan) -> None:
        self.classes = plan.classes
        self._outputs = plan.outputs
        self._described = [(c.name, c.kind, c.value.dtype) for c in plan.columns]
        self._whole = frozenset([c.name for c in plan.columns if c.steps])
        names = tuple([name for name, _, _ in self._described])
        try:
            self._predictor = Predictor(encode(plan), names, plan.classes, Prediction, self._parse, self._explain)
        except ValueError as error:
            raise CorruptArtifactError(f"the program is not valid: {error}") from error
        self.predict_one = self._predictor.predict_one
        self._reader: ColumnReader | None = None

    @classmethod
    def of(cls, payload: "Payload") -> "NativeEngine":
        """The engine for an artifact's parts.

        Raises:
            CorruptArtifactError: They are not those of a valid Program.
        """
        return cls(build_plan(payload.head, payload.block))

    @classmethod
    def of_program(cls, program: "Program") -> "NativeEngine":
        """The engine for a Program."""
        from lean_automl_runtime.ir.serial import to_bytes

        return cls(build_plan(*to_bytes(program)))

    def read_columns(self) -> "tuple[Column, ...]":
        """Raw columns, as the IR describes them."""
        from lean_automl_runtime.ir.columns import Column, ColumnKind

        return tuple([Column(name, ColumnKind(kind), dtype) for name, kind, dtype in self._described])

    def run_one(self, values: "Sequence[Any]") -> "tuple[Any, tuple[float, ...]]":
        """Answer and probabilities (none for a regressor) for one parsed value of each column."""
        # A caller's -2**63 is no time, but that of a parser means that there is none.
        answer = self.predict_one(tuple([None if v == MISSING_TIME and type(v) is int else v for v in values]))
        return answer[0], answer[1]

    def read_column(self, values: "Any", column: "Column") -> "Array":
        """A column of a caller's table, as `run` takes it: numbers where they lie, texts as codes.

        Raises:
            SchemaError: As `records.column_array`.
        """
        if self._reader is None:
            from lean_automl_runtime.engines.columns import ColumnReader
            from lean_automl_runtime.engines.native_texts import NativeTexts

            names = tuple([name for name, _, _ in self._described])
            self._reader = ColumnReader(NativeTexts(self._predictor), names, self._whole)
        return self._reader.read(values, column)

    def run(self, inputs: "Sequence[Array]") -> "dict[str, Array]":
        """Named outputs for n rows: for each column a typed array (`ir.columns`), or what `read_column` gave."""
        import numpy as np

        n = inputs[0].shape[0]
        outputs: dict[str, Array] = {}
        for name, (_, width) in self._outputs.items():
            outputs[name] = np.empty(n, np.int32) if name == "label" else np.empty((n, width), np.float32)
        wanted = [outputs.get(name) for name in ("label", "probabilities", "prediction")]
        self._predictor.run(tuple(inputs), n, *wanted)
        if "label" in outputs:
            text = isinstance(self.classes[0], str)
            outputs["label"] = np.array(self.classes, dtype=object if text else None)[outputs["label"]]
        return outputs

    def _parse(self, column: int, value: object) -> "float | str | int":
        """One value that C does not read itself."""
        from lean_automl_runtime.ir.columns import ColumnKind
        from lean_automl_runtime.records import PARSERS

        parsed: float | str | int = PARSERS[ColumnKind(self._described[column][1])](value)
        return parsed

    def _explain(self, record: "Record") -> Prediction:
        """Raise the error of a record that C could not read."""
        from lean_automl_runtime.records import RecordReader

        return Prediction(*self.run_one(RecordReader(self.read_columns()).values(record)))
