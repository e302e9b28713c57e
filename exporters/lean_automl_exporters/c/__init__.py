"""Programs as one C header: tables, the kernel parts that they need, and a function from a row to the answer."""

from lean_automl_exporters.c.export import COptions, export_c

__all__ = ["COptions", "export_c"]
