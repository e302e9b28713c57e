"""Writes Programs as files that need nothing of ours: ONNX and C99."""
