"""Programs as ONNX files, and the proof that they agree with the reference."""

from lean_automl_exporters.onnx.export import export_onnx
from lean_automl_exporters.onnx.options import Inputs, OnnxOptions, TreeEncoding
from lean_automl_exporters.onnx.parity import ParityReport, check_parity, export_checked
from lean_automl_exporters.onnx.sizes import encoding_sizes, usable_encodings

__all__ = [
    "Inputs",
    "OnnxOptions",
    "ParityReport",
    "TreeEncoding",
    "check_parity",
    "encoding_sizes",
    "export_checked",
    "export_onnx",
    "usable_encodings",
]
