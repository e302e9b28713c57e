"""What ships to a machine that is not here: limits are checked against the predictions of its profile.

A prediction for a limit is the median that the profile's cost model gives, times its margin, which is the 95 % quantile
of the model's own errors, times its tail, which is the ratio of p99 to median there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from lean_automl_runtime.measure import contents_of, features
from lean_automl_runtime.measure.reference_programs import ROWS as REFERENCE_ROWS

from lean_automl.errors import ConfigError, InfeasibleError
from lean_automl.student.aims import needs_aims, with_aims
from lean_automl.student.costs import device_costs
from lean_automl.student.deploy import ARTIFACT_FILE, ONNX_FILE, Deployment, choose_deployment, leave_out_slow
from lean_automl.student.floors import least_program, small_model

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lean_automl_runtime.ir import Column
    from lean_automl_runtime.measure import DeviceProfile

    from lean_automl.config import Constraints, FitConfig

BY_SPEED: Final = ("native", "c", "numba", "reference")  # that run what is in an artifact
HIGHEST_QUANTILE: Final = 0.99  # that a profile tells


def check_device(target: str, constraints: Constraints, profile: DeviceProfile) -> None:
    """Refuse what a profile cannot tell.

    Raises:
        ConfigError: A limit is not for one row, for too high a quantile, or for memory; or an engine is missing.
    """
    if constraints.max_latency_us is None:
        raise ConfigError("--device predicts latencies for a limit. Pass --max-latency-us, or leave it out.")
    if constraints.batch_size > 1:
        raise ConfigError("--device predicts calls on one row. Leave --batch-size out.")
    if constraints.max_memory_bytes is not None:
        raise ConfigError("--device does not predict memory. Leave --max-memory-mb out.")
    if constraints.latency_quantile > HIGHEST_QUANTILE:
        raise ConfigError(f"--device predicts quantiles up to {HIGHEST_QUANTILE:g}. Choose --latency-quantile so.")
    engines_for(target, profile)


def engines_for(target: str, profile: DeviceProfile) -> dict[str, str]:
    """Engine of each file that could ship.

    Raises:
        ConfigError: The profile lacks the engine.
    """
    if target == "auto":
        quickest = [engine for engine in BY_SPEED if engine in profile.models][:1]
        wanted = dict.fromkeys([ARTIFACT_FILE] if quickest else [], *quickest)
        return wanted | ({ONNX_FILE: "onnx"} if "onnx" in profile.models else {})
    profile.model(target)
    return {ONNX_FILE if target == "onnx" else ARTIFACT_FILE: target}


def choose_files(
    config: FitConfig, columns: tuple[Column, ...], records: Sequence[dict[str, Any]]
) -> tuple[Deployment, tuple[str, ...]]:
    """Files that ship, and a line for each that is left out; by measuring, or by the profile of a device.

    Raises:
        ConfigError: As `choose_deployment` and `choose_for_device`.
        InfeasibleError: Likewise.
    """
    if config.device is None:
        deployment, lines = choose_deployment(config.target, columns, records, config.constraints)
        limit_us = config.constraints.max_latency_us
        if limit_us is None:
            return deployment, lines
        is_chosen = deployment.sheds and len(deployment.engines) > 1 and not deployment.has_ample_time(limit_us)
        if not (is_chosen or needs_aims(deployment, config.constraints)):
            return deployment, lines
        model = small_model(columns, rows=min(REFERENCE_ROWS, len(records)))  # of wide tables there are fewer
        small_us = deployment.footprint(*model, config.constraints).latency_us
        deployment, slow = leave_out_slow(deployment, small_us, limit_us)
        deployment, unknown = with_aims(deployment, columns, config, small_us, len(records))
        deployment, unlikely = leave_out_slow(deployment, small_us, limit_us)  # by what is known now
        return deployment, lines + slow + unknown + unlikely
    return choose_for_device(config.target, columns, config.constraints, config.device, records)


def choose_for_device(
    target: str,
    columns: tuple[Column, ...],
    constraints: Constraints,
    profile: DeviceProfile,
    records: Sequence[dict[str, Any]],
) -> tuple[Deployment, tuple[str, ...]]:
    """As `choose_deployment`, for the machine of a profile.

    Raises:
        ConfigError: The profile lacks an engine.
        InfeasibleError: Even a model that does nothing is predicted to be too slow with every engine.
    """
    wanted = engines_for(target, profile)
    limit_us = constraints.max_latency_us
    assert limit_us is not None, "check_device refuses this"
    contents = contents_of(records)
    counts = features(least_program(columns), contents)
    floors = {name: profile.model(engine).upper_us(counts) for name, engine in wanted.items()}
    kept = {name: engine for name, engine in wanted.items() if floors[name] <= limit_us}
    left_out = tuple(
        f"{name} is left out: with the {wanted[name]} engine on {profile.machine.cpu} a call may take "
        f"{floors[name]:,.3g} us before any model, by its profile, over the limit of {limit_us:,g} us"
        for name in wanted
        if name not in kept
    )
    if not kept:
        raise InfeasibleError(f"no engine is quick enough there. {'; '.join(left_out)}.")
    costs = device_costs(kept, profile, limit_us, contents)
    return Deployment(kept, {name: floors[name] for name in kept}, costs), left_out
