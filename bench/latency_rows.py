"""One row: the exported header beside other engines, all in one timing loop in C."""

import json
import re
import statistics
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import latency_more
from lean_automl_exporters.c import COptions, export_c
from lean_automl_exporters.c.export import row_fields
from lean_automl_runtime.ir import Program

from lean_automl.compiler.foreign.compile import compile_model
from lean_automl.errors import LeanAutoMLError

SOURCES = Path(__file__).parent / "latency_c"
SLOTS = Path(__file__).parents[1] / "cpp_demo" / "src"
FLAGS = ("-O3", "-march=native", "-ffp-contract=off", "-shared", "-fPIC", "-w")
BARE = re.compile(r"\w+_la_oblivious8_\w+\(b \+ (\d+), \d+, (\w+), (\w+), (\d+), (\d+), (\w+), MODEL_LA_ONE")


@dataclass(frozen=True)
class Rivals:
    """Pythons that have the packages of rivals; None leaves them out."""

    tl2cgen: str | None
    ydf: str | None
    compilers: str | None = None


def run(*command: object, timeout: float = 900) -> str:
    texts = [str(part) for part in command]
    done = subprocess.run(texts, capture_output=True, text=True, timeout=timeout, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(texts)[:300]}: {done.stderr[-800:]}")
    return done.stdout


def write_header(program: Program, folder: Path) -> None:
    """`model.h`, and `encode.inc` with what turns a row of the table into the engines' forms."""
    text = export_c(program)["model.h"]
    (folder / "model.h").write_text(text)
    fill, codes, texts = [], [], []
    for j, field in enumerate(row_fields(program)):
        if field.find:
            found = f"{field.find}(cell[{j}], length[{j}])"
            codes.append(f"x[{j}] = {found};")
            texts.append(f"row->{field.name} = {found};")
        else:
            codes.append(f"x[{j}] = number[{j}];")
            texts.append(f"row->{field.name} = number[{j}];")
        fill.append(f"row->{field.name} = x[{j}];")
    n = len(fill)
    cells = (
        f"const double *number = t->x + (size_t)row_number * {n}; const char *const *cell = t->text + "
        f"(size_t)row_number * {n}; const size_t *length = t->length + (size_t)row_number * {n};"
        "(void)number; (void)cell; (void)length;"
    )
    answer = "result.probabilities[1]" if program.classes else "result.prediction[0]"
    (folder / "encode.inc").write_text(
        f"#define COLUMNS {n}\n#define ANSWER {answer}\n"
        f"static inline void fill_row(const double *x, model_row *row) {{ {' '.join(fill)} }}\n"
        "static inline void encode(const bench_table *t, int32_t row_number, double *x) "
        f"{{ {cells} {' '.join(codes)} }}\n"
        "static inline void fill_texts(const bench_table *t, int32_t row_number, model_row *row) "
        f"{{ {cells} {' '.join(texts)} }}\n"
    )


def write_bare(folder: Path) -> bool:
    """`bare.inc`: the lines before the trees, and the trees' tables. False if the header is of another form."""
    text = (folder / "model.h").read_text()
    body = text.split("static inline void model_predict", 1)[1].split("{", 1)[1]
    found = BARE.search(body)
    if found is None:
        return False
    before = re.sub(r"uint8_t b\[\d+\];.*\n", "", body[: found.start()])
    size = re.search(r"uint8_t b\[(\d+)\]", body)
    assert size is not None
    first, feature, limit, trees, depth, leaves = found.groups()
    (folder / "bare.inc").write_text(
        f"#define BARE_BYTES {size[1]}\n#define BARE_FIRST {first}\n#define BARE_TREES {trees}\n"
        f"#define BARE_DEPTH {depth}\n#define BARE_FEATURE {feature}\n#define BARE_BIN {limit}\n"
        f"#define BARE_LEAVES {leaves}\n"
        f"static void bare_bins(const model_row *row, uint8_t *b) {{ {before} }}\n"
    )
    return True


def build(folder: Path, name: str, *sources: object, flags: tuple[object, ...] = FLAGS) -> Path:
    """A shared library of an engine."""
    compiler = ["g++", "-std=c++17"] if any(str(s).endswith(".cpp") for s in sources) else ["gcc", "-std=gnu99"]
    out = folder / f"{name}.so"
    run(*compiler, *flags, f"-I{folder}", f"-I{SOURCES}", "-o", out, *sources, "-lm", "-ldl")
    return out


def build_ours(program: Program, folder: Path) -> list[Path]:
    write_header(program, folder)
    portable = tuple("-O2" if flag == "-O3" else flag for flag in FLAGS if flag != "-march=native")
    engines = [build(folder, "header", SOURCES / "header.c")]
    engines.append(build(folder, "header_sse2", SOURCES / "header.c", flags=portable))
    if write_bare(folder):
        engines.append(build(folder, "bare_loop", SOURCES / "bare.c"))
    return engines


def build_same(folder: Path) -> Path:
    """The rival's LightGBM model, compiled as any model that a user brings."""
    program = compile_model(folder / "lightgbm.txt")
    (folder / "same.h").write_text(export_c(program, COptions("same"))["same.h"])
    order = [int(field.column.name.removeprefix("Column_")) for field in row_fields(program)]
    fields = zip(row_fields(program), order, strict=True)
    fill = " ".join(f"row->{field.name} = (float)x[{j}];" for field, j in fields)
    answer = "result.probabilities[1]" if program.classes else "result.prediction[0]"
    (folder / "same.inc").write_text(
        f"#define SAME_ANSWER {answer}\nstatic inline void fill_same(const double *x, same_row *row) {{ {fill} }}\n"
    )
    return build(folder, "lightgbm_compiled", SOURCES / "same.c")


def build_lightgbm(folder: Path) -> Path:
    import lightgbm

    library = next(Path(lightgbm.__file__).parent.rglob("lib_lightgbm.so"))
    return build(folder, "lightgbm_fast", SOURCES / "lightgbm.c", library, f"-Wl,-rpath,{library.parent}")


def build_onnxruntime(folder: Path) -> Path:
    import onnxruntime

    library = next(Path(onnxruntime.__file__).parent.glob("capi/libonnxruntime.so*"))
    note = json.loads((folder / "onnx.json").read_text())
    defines = [f'-DONNX_{key.upper()}="{note[key]}"' for key in ("input", "output")]
    defines += [f"-DONNX_WIDTH={note['width']}", f'-DORT_LIBRARY="{library}"', f"-I{SLOTS}"]
    return build(folder, "onnxruntime", SOURCES / "onnxruntime.cpp", flags=(*FLAGS, *defines))


def build_tl2cgen(folder: Path, name: str) -> Path:
    parts = sorted((folder / name).glob("*.c"))
    return build(folder, f"{name}_engine", SOURCES / "tl2cgen.c", *parts, flags=(*FLAGS, f"-I{folder / name}"))


def build_ydf(folder: Path, program: Program) -> Path:
    note = json.loads((folder / "ydf.json").read_text())
    place = {field.column.name: j for j, field in enumerate(row_fields(program))}
    lines = [_ydf_field(form, name, place[column]) for form, name, column in note["fields"]]
    (folder / "ydf_fields.inc").write_text("\n".join(lines))
    (folder / "ydf_engine.cpp").write_text(YDF)
    return build(folder, "ydf_standalone", folder / "ydf_engine.cpp")


def _ydf_field(form: str, name: str, j: int) -> str:
    if form.startswith("Feature"):
        return f"x.{name} = ydf_model::{form}FromString(std::string_view(cell[{j}], length[{j}]));"
    return f"x.{name} = static_cast<decltype(x.{name})>(number[{j}]);"


YDF = """
#include <cmath>
#include <string>
#include <string_view>
#include <vector>
#include "ydf_model.h"
#include "engine.h"
namespace {
const bench_table *t;
std::vector<ydf_model::Instance> rows;
inline void fill(int32_t row, ydf_model::Instance &x) {
    const double *number = t->x + size_t(row) * t->columns;
    const char *const *cell = t->text + size_t(row) * t->columns;
    const size_t *length = t->length + size_t(row) * t->columns;
    (void)number; (void)cell; (void)length;
#include "ydf_fields.inc"
}
}
int engine_open(const char *, const bench_table *table) {
    t = table;
    rows.resize(size_t(t->rows));
    for (int32_t i = 0; i < t->rows; i++) fill(i, rows[size_t(i)]);
    return 0;
}
double engine_encoded(int32_t row) { return ydf_model::Predict(rows[size_t(row)]); }
double engine_text(int32_t row) {
    ydf_model::Instance x;
    fill(row, x);
    return ydf_model::Predict(x);
}
"""


def build_rivals(folder: Path, program: Program, rivals: Rivals) -> tuple[list[Path], dict[str, str]]:
    """Libraries of those that can be built, and why others cannot."""
    makers: dict[str, Any] = {
        "lightgbm_compiled": lambda: build_same(folder),
        "lightgbm_fast": lambda: build_lightgbm(folder),
    }
    if rivals.tl2cgen:
        run(rivals.tl2cgen, SOURCES / "rivals.py", folder)
        makers |= {name: (lambda name=name: build_tl2cgen(folder, name)) for name in ("tl2cgen", "tl2cgen_quantized")}
        makers["onnxruntime"] = lambda: build_onnxruntime(folder)
    if rivals.compilers:
        makers |= latency_more.makers(folder, program, rivals.compilers, run, build, FLAGS)
    if rivals.ydf:
        makers["ydf_standalone"] = lambda: build_ydf(folder, program)
    built, failed = [], {}
    for name, make in makers.items():
        try:
            built.append(make())
        except (LeanAutoMLError, RuntimeError, OSError, KeyError, subprocess.TimeoutExpired) as error:
            failed[name] = str(error)[:300]
    return built, failed


def time_engines(folder: Path, engines: list[Path], repeats: int) -> dict[str, Any]:
    """Medians of the rounds for each engine and mode, and median ratios to ours in the same round."""
    loop = folder / "loop"
    run("gcc", "-O2", "-std=gnu99", f"-I{SOURCES}", "-o", loop, SOURCES / "loop.c", "-ldl")
    lines = [json.loads(line) for line in run(loop, folder, repeats, *engines).splitlines()]
    found: dict[str, Any] = {}
    for mode, rule in enumerate(("encoded rows", "text categories")):
        passes: dict[str, list[dict[str, float]]] = {}
        for line in lines:
            if line["mode"] == mode and "round" in line:
                passes.setdefault(Path(line["engine"]).stem, []).append(line)
        table = {name: _summary(own, passes["header"]) for name, own in passes.items()}
        found[rule] = table
    found["mean_answers"] = {
        Path(x["engine"]).stem: x["mean_answer"] for x in lines if x.get("mode") == 0 and "round" not in x
    }
    return found


def _summary(own: list[dict[str, float]], ours: list[dict[str, float]]) -> dict[str, float]:
    medians = {key: round(statistics.median(x[key] for x in own), 1) for key in ("p50_ns", "p99_ns", "pass_ns")}
    ratios = {
        f"{key}_over_header": round(statistics.median(a[key] / b[key] for a, b in zip(own, ours, strict=True)), 3)
        for key in ("p50_ns", "pass_ns")
    }
    return medians | ratios
