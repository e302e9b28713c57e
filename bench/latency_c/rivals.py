"""Forms of a LightGBM model for other engines: `rivals.py FOLDER`, in a Python that has tl2cgen and onnxmltools.

Reads `lightgbm.txt`; writes `tl2cgen/`, `tl2cgen_quantized/`, `lightgbm.onnx` and `onnx.json`.
"""

import json
import sys
from pathlib import Path

folder = Path(sys.argv[1])


def generate() -> None:
    import tl2cgen
    import treelite

    model = treelite.frontend.load_lightgbm_model(folder / "lightgbm.txt")
    for name, options in (("tl2cgen", {}), ("tl2cgen_quantized", {"quantize": 1})):
        tl2cgen.generate_c_code(model, dirpath=folder / name, params=options)


def convert() -> None:
    import lightgbm
    import onnx
    import onnxmltools
    from onnxmltools.convert.common.data_types import FloatTensorType

    booster = lightgbm.Booster(model_file=str(folder / "lightgbm.txt"))
    kinds = [("x", FloatTensorType([None, booster.num_feature()]))]
    model = onnxmltools.convert_lightgbm(booster, initial_types=kinds, zipmap=False, target_opset=15)
    onnx.save(model, folder / "lightgbm.onnx")
    binary = booster.dump_model()["objective"].startswith("binary")
    found = {"input": model.graph.input[0].name, "output": model.graph.output[-1].name, "width": 2 if binary else 1}
    (folder / "onnx.json").write_text(json.dumps(found))


generate()
convert()
