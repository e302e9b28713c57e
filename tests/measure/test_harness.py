from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from lean_automl_runtime.errors import (
    ArtifactError,
    ConfigError,
    DataError,
    MeasurementError,
    MissingDependencyError,
    SchemaError,
)
from lean_automl_runtime.measure import Measurement, MeasureOptions, Mode, measure, meets
from lean_automl_runtime.measure.harness import Raw, pool
from lean_automl_runtime.measure.machine import Machine
from lean_automl_runtime.measure.processes import Child, run_child
from lean_automl_runtime.measure.statistics import Latency

SHORT = MeasureOptions(engine="reference", budget_s=0.05, min_samples=50, max_attempts=1)
QUIET = {"samples": 100, "p50_us": 25.0, "p99_us": 30.0, "wander": 0.01, "cpu_share": 1.0}
MACHINE = Machine("a CPU", "x86_64", 2, None, "Linux", "CPython 3.11", {"numpy": "2.0"})


def check_structure(found: Measurement, samples: int) -> None:
    assert found.total.samples >= samples
    assert 0 <= found.total.p50.lower_us <= found.total.p50.value_us <= found.total.p50.upper_us
    assert found.cold.import_ms > 0
    assert found.cold.load_ms > 0
    assert found.cold.first_call_us > 0
    assert found.machine.cores >= 1
    assert found.machine.packages["numpy"] == np.__version__
    assert found.clock_us >= 0
    assert Measurement.from_json(json.loads(json.dumps(found.to_json(), allow_nan=False))) == found


def test_one_record_in_a_fresh_process(artifact, records):
    found = measure(artifact, records, SHORT)
    check_structure(found, 50)
    assert found.artifact == "tiny.lam"
    assert found.size_bytes == artifact.stat().st_size
    assert found.engine == "reference"
    assert (found.rows, found.distinct_rows) == (1000, 40)
    assert any("only 40 distinct rows" in note for note in found.notes)
    assert found.assembly is not None
    assert found.model is not None
    assert found.call_us is not None
    assert len(found.launches) == 1
    assert found.launches[0].warm_up_calls > 0


def test_launches_are_pooled(artifact, records):
    found = measure(artifact, records, replace(SHORT, launches=2, pin=False, collect_garbage=False))
    assert len(found.launches) == 2
    assert found.total.samples == sum(launch.total.samples for launch in found.launches)
    assert found.pinned_core is None
    assert found.between_launches() >= 0


@pytest.mark.parametrize("batch_size", [1, 7, 1500])
def test_batches(artifact, records, batch_size):
    found = measure(artifact, records, replace(SHORT, batch_size=batch_size, min_samples=5))
    check_structure(found, 5)
    assert found.per_row.p50.value_us == pytest.approx(found.total.p50.value_us / batch_size)


def test_polluted_cache(artifact, records):
    check_structure(measure(artifact, records, replace(SHORT, mode=Mode.CACHE_POLLUTED)), 50)


def test_open_loop_reports_the_whole_only(artifact, records):
    found = measure(artifact, records, replace(SHORT, mode=Mode.OPEN_LOOP, rate_hz=500.0))
    check_structure(found, 25)
    assert found.assembly is None
    assert found.model is None
    assert found.call_us is None


def test_bad_input_is_one_clear_error(artifact, records, tmp_path):
    with pytest.raises(ArtifactError, match=r"absent\.lam"):
        measure(tmp_path / "absent.lam", records, SHORT)
    with pytest.raises(DataError, match="no records"):
        measure(artifact, [], SHORT)
    with pytest.raises(ConfigError, match="'warp' is not one of"):
        measure(artifact, records, replace(SHORT, engine="warp"))
    with pytest.raises(SchemaError, match="column 'n0' is absent"):
        measure(artifact, [{"x": 1}], SHORT)
    foreign = tmp_path / "foreign.lam"
    foreign.write_bytes(b"not an artifact")
    with pytest.raises(ArtifactError, match="magic number"):
        measure(foreign, records, SHORT)


def test_a_child_that_takes_too_long_is_killed(artifact, records):
    with pytest.raises(MeasurementError, match=r"did not end within 0\.001 s \(stage: start\)"):
        measure(artifact, records, replace(SHORT, timeout_s=0.001))


def test_a_child_that_crashes_says_where_and_what(tmp_path):
    with pytest.raises(MeasurementError, match=r"(?s)x\.lam: .* exit code 1 \(stage: start\)\. It said: .*ValueError"):
        run_child(tmp_path, Child("child", ["one argument"], 1, 60.0, "x.lam"))


class FakeRun:
    """Stands in for `subprocess.run`: leaves what a child would."""

    def __init__(self, folder, code, facts=None):
        self.folder, self.returncode, self.facts = folder, code, facts

    def __call__(self, command, stdout, stderr, **_):
        assert command[1:3] == ["-P", "-m"]
        stdout.write(b"stage import\nstage sampling\n")
        stderr.write(b"so long")
        if self.facts is not None:
            (self.folder / "facts.json").write_text(json.dumps(self.facts), encoding="utf-8")
        return self


@pytest.mark.parametrize(
    ("code", "facts", "kind", "message"),
    [
        (-11, None, MeasurementError, r"killed by signal 11 \(stage: sampling\)\. It said: so long"),
        (0, None, MeasurementError, "exit code 0"),
        (1, {"error": ["MissingDependencyError", "pip install it"]}, MissingDependencyError, "^pip install it$"),
        (1, {"error": ["OSError", "no"]}, MeasurementError, "exit code 1"),
    ],
)
def test_how_a_child_ended(tmp_path, monkeypatch, code, facts, kind, message):
    monkeypatch.setattr("subprocess.run", FakeRun(tmp_path, code, facts))
    with pytest.raises(kind, match=message):
        run_child(tmp_path, Child("child", [], 1, 60.0, "x.lam"))


def raw(times_us, control=QUIET, calls_per_s=1000.0, parts=False):
    total = np.asarray(times_us) * 1000
    part = total // 4 if parts else np.empty(0, dtype=np.int64)
    facts = {
        "engine": "numba",
        "cold": {"import_ms": 80.0, "load_ms": 5.0, "first_call_us": float(total[0]), "memory_mb": 40.0},
        "control": control,
        "attempts": 1,
        "warm_up_calls": 1000,
        "warm_up_stable": True,
        "calls_per_s": calls_per_s,
        "clock_us": 0.05,
        "pinned_core": 1,
        "priority": "usual",
        "machine": MACHINE.to_json(),
    }
    return Raw(facts, {"total": total, "assembly": part, "model": 2 * part})


SHUFFLED = np.random.default_rng(0).permutation(np.arange(1, 1001))
FACTS = {
    "artifact": "x.lam",
    "file_sha256": "00",
    "size_bytes": 1,
    "rows": 1000,
    "distinct_rows": 1000,
    "date": "2024-01-01T00:00:00+00:00",
}


def test_pooled_launches_and_the_limit():
    slow, fast = SHUFFLED + 100, SHUFFLED
    found = pool([raw(slow, parts=True), raw(fast, parts=True)], MeasureOptions(), FACTS)
    assert found.total.samples == 2000
    assert found.call_us == pytest.approx(0.25 * found.total.p50.value_us, rel=0.01)
    assert found.between_launches(0.5) == pytest.approx(0.2)
    # The slower launch alone had a p99 of 1,090 us: the pool must not hide it.
    assert found.total.p99.value_us == 1080.0
    assert found.upper_us(0.99) == max(1090.0, found.total.p99.upper_us)
    assert meets(found, found.upper_us(0.99))
    assert not meets(found, 1089.9)
    assert not found.noisy
    assert found.notes == ("2000 samples do not bound p99.9 from above: 3688 would",)


def test_the_slowest_launch_decides_where_the_pool_would_hide_it():
    found = pool([raw(SHUFFLED)], MeasureOptions(), FACTS)
    slow = replace(found.launches[0], total=Latency.from_samples_ns([5_000_000] * 500))
    assert replace(found, launches=(*found.launches, slow)).upper_us() == 5000.0


def test_one_launch_meets_a_limit_by_its_upper_bound():
    found = pool([raw(SHUFFLED)], MeasureOptions(quantiles=(0.95,)), FACTS)
    upper_us = found.total.p99.upper_us
    assert upper_us > found.total.p99.value_us
    assert meets(found, upper_us)
    assert not meets(found, found.total.p99.value_us)
    assert meets(found, 970.0, quantile=0.95)
    with pytest.raises(ConfigError, match="not measured"):
        meets(found, 1.0, quantile=0.97)


def test_a_sample_that_is_too_small_meets_no_limit():
    found = pool([raw(np.arange(1, 101))], MeasureOptions(), FACTS)
    assert found.upper_us(0.99) == math.inf
    assert not meets(found, 1e12)


def test_noise_is_named_launch_by_launch():
    busy = {**QUIET, "cpu_share": 0.5}
    slower = {**QUIET, "p50_us": 40.0, "p99_us": 50.0}
    found = pool([raw([1] * 1000), raw([1] * 1000, busy), raw([1] * 1000, slower)], MeasureOptions(), FACTS)
    assert found.noisy
    assert found.noise[0].startswith("launch 2: on the core for 50%")
    assert found.noise[1].startswith("control median differed by 60% between launches")


def test_a_launch_below_full_speed_is_noisy_if_that_is_known():
    found = pool([raw([1] * 1000)], MeasureOptions(full_speed_us=15.0), FACTS)
    assert found.noise == ("launch 1: control median was 67% above full speed (bound 15%)",)


def test_a_rate_that_was_not_kept_is_noted():
    options = MeasureOptions(mode=Mode.OPEN_LOOP, rate_hz=2000.0)
    found = pool([raw([1] * 4000, calls_per_s=1000.0)], options, FACTS)
    assert found.notes == ("the rate was not kept: 1000 of 2000 calls a second; latency grows",)
