"""Programs as ONNX files, and the proof that they agree with the reference."""

from lean_automl_exporters.onnx.export import export_onnx
from lean_automl_exporters.onnx.options import OnnxOptions, TreeEncoding

__all__ = ["OnnxOptions", "TreeEncoding", "export_onnx"]
