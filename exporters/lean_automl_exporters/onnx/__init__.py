"""Programs as ONNX files, and the proof that they agree with the reference."""

from lean_automl_exporters.onnx.export import export_onnx
from lean_automl_exporters.onnx.options import OnnxOptions, TreeEncoding
from lean_automl_exporters.onnx.parity import ParityReport, check_parity, export_checked

__all__ = ["OnnxOptions", "ParityReport", "TreeEncoding", "check_parity", "export_checked", "export_onnx"]
