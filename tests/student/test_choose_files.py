"""Which files ship: by what engines cost before any model, and with a small one."""

from dataclasses import replace

import pytest
from benches import NONE, make_bench
from lean_automl_runtime.ir import ColumnKind

from lean_automl.config import Constraints, FitConfig
from lean_automl.errors import InfeasibleError
from lean_automl.student import device
from lean_automl.student.deploy import Deployment, Footprint, choose_deployment, leave_out_slow
from lean_automl.student.device import choose_files
from lean_automl.student.floors import small_model


def test_an_engine_that_is_too_slow_for_any_model_is_left_out() -> None:
    bench = make_bench(count=1)
    columns = bench.schema.features
    everything, lines = choose_deployment("auto", columns, bench.records, Constraints(max_latency_us=1e6))
    assert list(everything.engines) == ["model.lam", "model.onnx"]
    assert lines == ()
    with pytest.raises(InfeasibleError, match="before any model"):
        choose_deployment("onnx", columns, bench.records, Constraints(max_latency_us=0.5))
    onnx, _ = choose_deployment("onnx", columns, bench.records, NONE)
    assert onnx.engines == {"model.onnx": "onnx"}
    assert choose_deployment("reference", columns, bench.records, NONE)[0].engines == {"model.lam": "reference"}


def test_a_file_that_is_too_slow_for_a_small_model_is_left_out_where_another_is_not() -> None:
    both = Deployment({"model.lam": "native", "model.onnx": "onnx"}, sheds=True)
    small_us = {"model.lam": 9.0, "model.onnx": 30.0}
    kept, (line,) = leave_out_slow(both, small_us, 10.0)
    assert kept.engines == {"model.lam": "native"}, "the quickest stays, however slow"
    assert line.startswith("model.onnx is left out: with the onnx engine a call on a small model of as many columns ")
    assert "takes 30 us, and one that takes over 8.5 us would have slow calls above the limit of 10 us." in line
    assert line.endswith("--serve-with onnx looks for a model that fits")
    for deployment in (replace(both, sheds=False), kept):
        assert leave_out_slow(deployment, small_us, 10.0) == (deployment, ())
    assert leave_out_slow(both, small_us, 36.0) == (both, ())


@pytest.mark.parametrize(
    ("target", "limits", "is_looked_at"),
    [
        ("native", NONE, False),
        ("native", Constraints(max_latency_us=2_000.0), False),  # there is nothing to choose, and slow calls keep it
        ("native", Constraints(max_latency_us=20.0), True),
        ("native", Constraints(max_latency_us=20.0, batch_size=10), False),
        ("auto", Constraints(max_latency_us=2_000.0), False),
        ("auto", Constraints(max_latency_us=200.0), True),
        ("auto", Constraints(max_latency_us=200.0, batch_size=10), True),
        ("c", Constraints(max_latency_us=1.0), False),
    ],
)
def test_a_small_model_is_looked_at_only_where_it_matters(
    target: str, limits: Constraints, is_looked_at: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, looked = make_bench(count=1), list[str]()
    files = {
        "native": Deployment({"model.lam": "native"}),
        "auto": Deployment({"model.lam": "native", "model.onnx": "onnx"}, {"model.onnx": 30.0}, sheds=True),
        "c": Deployment({"model.h": "c"}),
    }

    def footprint(*_: object) -> Footprint:
        looked.append("small model")
        return Footprint({}, {"model.lam": 1.0, "model.onnx": 9.0})

    monkeypatch.setattr(device, "choose_deployment", lambda target, *_: (files[target], ()))
    monkeypatch.setattr(device, "with_aims", lambda deployment, *_: (deployment, ()))
    monkeypatch.setattr(Deployment, "footprint", footprint)
    config = FitConfig(constraints=limits, target=target)
    assert choose_files(config, bench.schema.features, bench.records) == (files[target], ())
    assert looked == (["small model"] if is_looked_at else [])


def test_the_small_model_reads_as_many_columns_of_each_kind() -> None:
    columns = make_bench(count=1).schema.features
    program, records = small_model(columns)
    assert len(program.columns) == len(columns)
    for kind in (ColumnKind.DATETIME, ColumnKind.CATEGORICAL):
        assert sum(c.kind is kind for c in program.columns) == sum(c.kind is kind for c in columns) > 0
    assert len(records) >= 1_000
