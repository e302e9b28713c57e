"""Headers as the quickest code and in the fewest bytes: compiled bytes, and median time of a call with cold rows.

Both forms of a Program are timed in turn, so that moments at which the machine is slow meet both.
"""

import argparse
import json
from pathlib import Path
from statistics import median

from lean_automl_runtime.measure.reference_programs import make_program, make_records
from lean_automl_runtime.measure.reference_shapes import Shape
from machine import machine

from lean_automl.student.header import header_bytes, header_text, quick_us

SHAPES = {
    "60 oblivious trees of depth 3": Shape("oblivious", 60, 3, numeric=8, categorical=0, edges=20),
    "44 oblivious trees of depth 5": Shape("oblivious", 44, 5, numeric=8, categorical=0, edges=20),
    "30 of depth 3, categories": Shape("oblivious", 30, 3, numeric=6, categorical=8, edges=12),
    "30 of depth 3, 5 classes": Shape("oblivious", 30, 3, numeric=8, categorical=0, classes=5, edges=20),
    "20 with linear leaves": Shape("linear_leaves", 20, 4, numeric=8, categorical=0, edges=20),
    "10 ragged trees": Shape("ragged", 10, 4, numeric=8, categorical=0, edges=20),
    "tables of 8 columns": Shape("tables", 8, 0, numeric=8, categorical=0, edges=16),
    "network of 16 units": Shape("dense", 16, 0, numeric=8, categorical=0),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=7, help="at which both forms are timed")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "few_bytes.json")
    options = parser.parse_args()
    found = {"machine": machine(), "headers": {name: compare(shape, options.turns) for name, shape in SHAPES.items()}}
    options.out.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found["headers"], indent=1))


def compare(shape: Shape, turns: int) -> dict[str, float]:
    program, records = make_program(shape), make_records(shape, rows=2_000)
    texts = {"quick": header_text(program), "few": header_text(program, few_bytes=True)}
    took: dict[str, list[float]] = {name: [] for name in texts}
    for _ in range(turns):
        for name, text in texts.items():
            took[name].append(quick_us(program, text, records, 1))
    sizes = {name: header_bytes(text) for name, text in texts.items()}
    ratio = median(few / quick for few, quick in zip(took["few"], took["quick"], strict=True))
    return {
        "bytes": sizes["quick"],
        "bytes, few": sizes["few"],
        "ns": round(1000 * median(took["quick"])),
        "ns, few": round(1000 * median(took["few"])),
        "time, ratio": round(ratio, 3),
    }


if __name__ == "__main__":
    main()
