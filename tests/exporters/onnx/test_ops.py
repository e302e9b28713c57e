"""Each op by itself: the exported file against the reference on hostile rows, bit for bit where the op is exact."""

import numpy as np
import onnx_small as s
import pytest
from lean_automl_exporters.onnx import ParityReport, check_parity, export_onnx
from lean_automl_runtime.engines.onnx import OnnxEngine
from lean_automl_runtime.ir import PREDICTION, Program
from lean_automl_runtime.ir import ops as o
from lean_automl_runtime.reference import evaluate


def checked(program: Program) -> ParityReport:
    model = export_onnx(program)
    s.check(model)
    report = check_parity(program, model)
    assert report.rows > 1
    return report


def exact(program: Program) -> None:
    report = checked(program)
    assert report.largest_difference == 0.0
    assert report.skipped == 0


@pytest.mark.parametrize(("shift", "scale"), [(0.0, 1.0), (1.7e9, 1 / 86_400), (-0.25, 3.0), (0.0, 1e-300)])
def test_rescale(shift: float, scale: float) -> None:
    b = s.builder(s.DOUBLE)
    exact(s.regressor(b, b.add(o.Rescale((0,), shift, scale))))


@pytest.mark.parametrize("part", list(o.DateField))
def test_date_part(part: o.DateField) -> None:
    b = s.builder(s.TIME)
    exact(s.regressor(b, b.add(o.DatePart((0,), part))))


def test_date_parts_agree_on_every_day_of_the_gregorian_cycle() -> None:
    b = s.builder(s.TIME)
    parts = (o.DateField.YEAR, o.DateField.MONTH, o.DateField.DAY, o.DateField.DAY_OF_YEAR, o.DateField.WEEKDAY)
    program = s.regressor(b, b.add(o.Concat(tuple(b.add(o.DatePart((0,), part)) for part in parts))))
    days = np.arange(-(400 * 366), 400 * 366, dtype=np.int64)
    report = check_parity(program, export_onnx(program), [[days * 86_400 - 1]])
    assert report.largest_difference == 0.0


@pytest.mark.parametrize("categories", [(), ("a",), ("x", "é", "e\u0301", "日本語", " x", "nan", "X" * 40)])
def test_encode_and_lookup_of_floats(categories: tuple[str, ...]) -> None:
    b = s.builder(s.TEXT_A)
    table = np.arange(2.0 * (len(categories) + 2), dtype=np.float32).reshape(-1, 2)
    table[-1, 0] = np.nan
    code = b.add(o.Encode((0,), categories))
    exact(s.regressor(b, b.add(o.Lookup((code,), table))))
    exact(s.regressor(b, b.add(o.Lookup((code,), table[:, :1]))))


def test_columns_share_texts_with_different_codes() -> None:
    b = s.builder(s.TEXT_A, s.TEXT_B)
    codes = [b.add(o.Encode((i,), own)) for i, own in enumerate([("a", "b", "?"), ("?", "c", "a")])]
    looked_up = [
        b.add(o.Lookup((code,), np.arange(5, dtype=np.float32)[:, None] * (10 + i))) for i, code in enumerate(codes)
    ]
    program = s.regressor(b, b.add(o.Concat(tuple(looked_up))))
    exact(program)
    assert s.node_types(export_onnx(program)).count("LabelEncoder") == 1


def test_large_category_tables_are_not_shared() -> None:
    b = s.builder(s.TEXT_A, s.TEXT_B)
    codes = [b.add(o.Encode((i,), tuple(f"{i}{n}" for n in range(3000)))) for i in range(2)]
    table = np.arange(3002, dtype=np.float32)[:, None]
    program = s.regressor(b, b.add(o.Concat(tuple(b.add(o.Lookup((code,), table)) for code in codes))))
    exact(program)
    assert s.node_types(export_onnx(program)).count("LabelEncoder") == 2


def test_cross_of_codes_and_bins() -> None:
    b = s.builder(s.TEXT_A, s.TEXT_B, s.FLOAT_A)
    one = b.add(o.Encode((0,), ("a", "b", "c")))
    two = b.add(o.Encode((1,), ("c", "q")))
    three = s.single_bin(b, 2, (0, 1), nan_bin=3)
    crosses = [b.add(o.Cross((one, two), 4)), b.add(o.Cross((three, one), 5)), b.add(o.Cross((two, three), 4))]
    rng = np.random.default_rng(0)
    tables = [rng.normal(size=(n, 1)).astype(np.float32) for n in (20, 20, 16)]
    looked_up = tuple(b.add(o.Lookup((c,), t)) for c, t in zip(crosses, tables, strict=True))
    exact(s.regressor(b, b.add(o.Concat(looked_up))))


@pytest.mark.parametrize("kind", list(o.ArithmeticKind))
def test_arithmetic(kind: o.ArithmeticKind) -> None:
    b = s.builder(s.FLOAT_A, s.FLOAT_B)
    exact(s.regressor(b, b.add(o.Arithmetic((0, 1), kind))))


@pytest.mark.parametrize("kind", list(o.ArithmeticKind))
@pytest.mark.parametrize("constant_first", [False, True])
def test_arithmetic_with_a_constant(kind: o.ArithmeticKind, constant_first: bool) -> None:
    for constant in ((0.0, 1.0), (-0.0, 7.0), (-2.5, 3e38)):
        b = s.builder(s.FLOAT_A, s.FLOAT_B)
        both = b.add(o.Concat((0, 1)))
        exact(s.regressor(b, b.add(o.WithConstant((both,), kind, np.float32(constant), constant_first))))


def test_ops_of_one_kind_are_made_together() -> None:
    b = s.builder(s.FLOAT_A, s.FLOAT_B, s.TIME, s.DOUBLE, s.TEXT_A)
    pairs = [b.add(o.Arithmetic((i, j), o.ArithmeticKind.SUBTRACT)) for i, j in ((0, 1), (1, 0), (0, 0), (1, 1))]
    times = [b.add(o.DatePart((2,), part)) for part in (o.DateField.HOUR, o.DateField.WEEKDAY)]
    scaled = [b.add(o.Rescale((3,), shift, scale)) for shift, scale in ((0, 2.0), (1.5, 1.0))]
    code = b.add(o.Encode((4,), ("a", "b")))
    looked_up = [b.add(o.Lookup((code,), np.arange(n, n + 4, dtype=np.float32)[:, None])) for n in (0, 7)]
    program = s.regressor(b, b.add(o.Concat((*pairs, *times, *scaled, *looked_up))))
    exact(program)
    types = s.node_types(export_onnx(program))
    assert types.count("Sub") == 3  # of four pairs, of two rescaled columns, of days
    assert types.count("Where") == 1
    assert types.count("Gather") == 2  # the one column of codes twice, then both tables


def test_impute() -> None:
    b = s.builder(s.FLOAT_A, s.FLOAT_B)
    both = b.add(o.Concat((0, 1)))
    exact(s.regressor(b, b.add(o.Impute((both,), s.f32(-1.5, np.inf)))))


@pytest.mark.parametrize(
    ("low", "high"), [((-1, 0), (1, 0)), ((-np.inf, -np.inf), (2, np.inf)), ((-1, -np.inf), (np.inf, np.inf))]
)
def test_clip(low: tuple[float, ...], high: tuple[float, ...]) -> None:
    b = s.builder(s.FLOAT_A, s.FLOAT_B)
    both = b.add(o.Concat((0, 1)))
    exact(s.regressor(b, b.add(o.Clip((both,), s.f32(*low), s.f32(*high)))))


@pytest.mark.parametrize("nan_bins", [(0, 0), (5, 4), (4, 3), (0, 4), (2, 1), (9, 0)])
def test_bin(nan_bins: tuple[int, int]) -> None:
    b = s.builder(s.FLOAT_A, s.FLOAT_B)
    bins = s.two_bins(b, nan_bins)
    exact(s.regressor(b, s.oblivious(b, bins, [3, 2, 4], [[0]] * 3)))


def test_bins_of_very_different_counts() -> None:
    b = s.builder(s.FLOAT_A, s.FLOAT_B)
    both = b.add(o.Concat((0, 1, 0, 1, 0)))
    edges = [np.sort(np.random.default_rng(n).normal(size=n).astype(np.float32)) for n in (1, 2, 180, 0, 3)]
    for nan_bins in ([0] * 5, [2, 3, 181, 1, 4]):
        op = o.Bin((both,), np.concatenate(edges), s.offsets([e.size for e in edges]), s.i32(nan_bins))
        levels = [e.size + 2 for e in edges]
        values = np.arange(sum(levels), dtype=np.int16)[:, None]
        top = [max(e.size, nan) + 1 for e, nan in zip(edges, nan_bins, strict=True)]
        kept = np.concatenate([np.arange(n) + start for n, start in zip(top, np.cumsum([0, *levels]), strict=False)])
        terms, strides = s.i32([(j, -1) for j in range(5)]), s.i32([1] * 5)
        total = o.TableSum((b.add(op),), terms, strides, s.offsets(top), values[kept], s.f32(1), s.f32(0))
        program = s.regressor(b, b.add(total))
        exact(program)
        assert len(export_onnx(program)) < 180 * 4 + 200 * 2 + 1_500  # no padding in the file


@pytest.mark.parametrize("edges", [(), (0.0,), (-np.inf, 0.5, np.inf)])
@pytest.mark.parametrize("above", [0, 1])
def test_bin_of_one_column_with_odd_edges(edges: tuple[float, ...], above: int) -> None:
    b = s.builder(s.FLOAT_A)
    bins = s.single_bin(b, 0, edges, nan_bin=above * (len(edges) + 1))
    levels = len(edges) + 1 + above
    exact(s.regressor(b, b.add(o.Lookup((bins,), np.arange(levels, dtype=np.float32)[:, None]))))


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32])
def test_table_sum(dtype: type) -> None:
    b = s.builder(s.FLOAT_A, s.FLOAT_B, s.TEXT_A)
    code = b.add(o.Encode((2,), ("u", "v")))
    folded = b.add(o.Lookup((code,), np.array([[1], [0], [2], [1]], dtype=np.uint8)))
    bins = b.add(o.Concat((s.two_bins(b, (5, 4)), folded)))  # 6, 5 and 3 levels
    terms = [(0, -1), (2, 1), (1, -1), (2, -1)]
    rows, strides = [6, 15, 5, 3], [1, 5, 1, 1]
    top = min(np.iinfo(dtype).max, 2**28)
    for width in (1, 3):
        values = np.random.default_rng(0).integers(-top, top, (sum(rows), width)).astype(dtype)
        scale, bias = np.full(width, 1 / top, dtype=np.float32), np.arange(width).astype(np.float32)
        op = o.TableSum((bins,), s.i32(terms), s.i32(strides), s.offsets(rows), values, scale, bias)
        exact(s.regressor(b, b.add(op)))


def test_dense() -> None:
    b = s.builder(s.FLOAT_A, s.FLOAT_B)
    both = b.add(o.Concat((0, 1)))
    rng = np.random.default_rng(0)
    hidden = b.add(
        o.Dense((both,), rng.normal(size=(2, 5)).astype(np.float32), s.f32(1, 0, -1, 2, 0.5), o.Activation.RELU)
    )
    out = b.add(o.Dense((hidden,), rng.normal(size=(5, 2)).astype(np.float32), s.f32(0, 1), o.Activation.IDENTITY))
    report = checked(s.regressor(b, out))
    assert report.numbers > report.skipped > 0  # overflow depends on the order of addition


def test_dot_adds_in_order() -> None:
    b = s.builder(s.FLOAT_A, s.FLOAT_B)
    both = b.add(o.Concat((0, 1)))
    exact(s.regressor(b, b.add(o.Dot((both, 1)))))


@pytest.mark.parametrize("width", [1, 3])
def test_sums_of_lookups_add_in_order(width: int) -> None:
    b = s.builder(s.FLOAT_A, s.TEXT_A, s.TEXT_B)
    rng = np.random.default_rng(0)
    tables = [np.float32(10.0) ** rng.integers(-3, 9, (n, width)) * rng.normal(size=(n, width)) for n in (4, 60)]
    codes = [
        b.add(o.Encode((i,), own)) for i, own in ((1, ("a", "b")), (2, tuple("abcdefgh" + "x" * n for n in range(58))))
    ]
    looked_up = [b.add(o.Lookup((c,), t.astype(np.float32))) for c, t in zip(codes, tables, strict=True)]
    first = b.add(o.Concat((0,) * width))
    bias = rng.normal(size=width).astype(np.float32)
    for inputs in ((first, *looked_up), tuple(looked_up), (*looked_up, first)):
        for own in (bias, np.zeros_like(bias)):
            exact(s.regressor(b, b.add(o.Blend(inputs, np.ones(len(inputs), dtype=np.float32), own))))


def test_blend() -> None:
    b = s.builder(s.FLOAT_A, s.FLOAT_B)
    exact(s.regressor(b, b.add(o.Blend((0, 1), s.f32(0.3, 1.0), s.f32(0.7)))))
    exact(s.regressor(b, b.add(o.Blend((0,), s.f32(2.5), s.f32(0)))))


@pytest.mark.parametrize("classes", [("no", "ja, größer"), (0, 1), (7, -3), (False, True), (True, False)])
@pytest.mark.parametrize("threshold", [None, 0.25])
def test_sigmoid_and_labels(classes: tuple[object, ...], threshold: float | None) -> None:
    b = s.builder(s.FLOAT_A)
    report = checked(s.classifier(b, 0, classes, threshold))
    assert report.labels > 50
    assert report.largest_difference < 1e-6


@pytest.mark.parametrize("classes", [("x",), ("a", "b", "ö"), tuple(range(26))])
def test_softmax_and_labels(classes: tuple[object, ...]) -> None:
    b = s.builder(s.FLOAT_A)
    filled = b.add(o.Clip((b.add(o.Impute((0,), s.f32(0.1))),), s.f32(-50), s.f32(50)))
    wide = b.add(o.Concat((filled,) * len(classes)))
    spread = np.linspace(-2, 2, len(classes)).astype(np.float32)
    scores = b.add(o.Blend((wide,), s.f32(1), spread))
    report = checked(s.classifier(b, scores, classes, softmax=True))
    assert report.largest_difference < 1e-6
    assert report.labels > 50


@pytest.mark.parametrize("field", list(o.TextField))
def test_text_count(field: o.TextField) -> None:
    b = s.builder(s.TEXT_A)
    exact(s.regressor(b, b.add(o.TextCount((0,), field))))


@pytest.mark.parametrize("limit", [1, 3, 1000])
@pytest.mark.parametrize("tokens", [(), ("a",), ("a", "b", "a b"), ("é", "e\u0301", "日本 語", "x" * 64, "word word")])
def test_token_score(tokens: tuple[str, ...], limit: int) -> None:
    b = s.builder(s.TEXT_A)
    weights = np.arange(1, 2 * len(tokens) + 1).reshape(-1, 2).astype(np.int16) * 997
    scores = b.add(o.TokenScore((0,), tokens, weights, s.f32(0.5, 3), s.f32(-1, 0.25), limit))
    exact(s.regressor(b, scores))


def test_texts_of_no_rows_and_texts_without_words() -> None:
    b = s.builder(s.TEXT_A)
    scores = b.add(o.TokenScore((0,), ("a", "a b"), np.int8([[1], [2]]), s.f32(1), s.f32(0), 9))
    program = s.regressor(b, b.add(o.Concat((scores, b.add(o.TextCount((0,), o.TextField.LENGTH))))))
    engine = OnnxEngine(export_onnx(program))
    for texts in ([], [""], ["", "..."], ["a" + ", b" * 300_000]):
        inputs = [np.array(texts, dtype=object)]
        np.testing.assert_array_equal(engine.run(inputs)[PREDICTION], evaluate(program, inputs)[PREDICTION])
