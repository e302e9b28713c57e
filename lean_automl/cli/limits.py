"""Options that set limits; shared by commands that must keep them."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final

from lean_automl.config import TARGETS, Constraints, check_limit

if TYPE_CHECKING:
    from lean_automl_runtime.measure import DeviceProfile

ONE_SE: Final = "take the cheapest model within one standard error of the best, instead of the best"


def add_limit_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of a command that may choose the engine."""
    limits = add_limits(parser)
    limits.add_argument(
        "--batch-size", type=int, default=1, metavar="N", help="rows of the call that the latency limit is for (1)"
    )
    limits.add_argument(
        "--max-memory-mb",
        type=float,
        metavar="MB",
        help="for a fresh process that imports the runtime, loads a file and answers one row; 1 MB is 1,000,000 bytes",
    )
    limits.add_argument(
        "--serve-with",
        choices=TARGETS,
        default="auto",
        help="engine that the limits hold for; auto: every exported file with its own engine",
    )


def add_device_option(parser: argparse.ArgumentParser) -> None:
    """Add the option of a command that may choose for another machine."""
    parser.add_argument(
        "--device",
        metavar="FILE",
        help="profile of the machine that will serve, made by lean_automl profile: latencies are predicted for it",
    )


def device_of(namespace: argparse.Namespace) -> DeviceProfile | None:
    """The profile that was named, if any."""
    if namespace.device is None:
        return None
    from lean_automl_runtime.measure import read_profile

    return read_profile(namespace.device)


def add_limits(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Add the limits alone."""
    limits = parser.add_argument_group("limits, which are kept or the command fails")
    latency = limits.add_mutually_exclusive_group()
    latency.add_argument("--max-latency-ms", type=float, metavar="MS", help="for one call, raw record to prediction")
    latency.add_argument("--max-latency-us", type=float, metavar="US", help="the same in microseconds")
    limits.add_argument(
        "--max-size-kb", type=float, metavar="KB", help="for each exported file, in units of 1,000 bytes"
    )
    limits.add_argument(
        "--latency-quantile", type=float, default=0.99, metavar="Q", help="which quantile the limit is for (0.99)"
    )
    return limits


def constraints_of(namespace: argparse.Namespace) -> Constraints:
    """The limits of the command line, checked."""
    for option in ("max_latency_ms", "max_latency_us", "max_size_kb", "max_memory_mb"):
        check_limit(f"--{option.replace('_', '-')}", getattr(namespace, option, None))
    memory_mb = getattr(namespace, "max_memory_mb", None)  # not of commands that serve nothing
    latency_us = namespace.max_latency_us
    if namespace.max_latency_ms is not None:
        latency_us = namespace.max_latency_ms * 1000
    return Constraints(
        max_latency_us=latency_us,
        max_size_bytes=None if namespace.max_size_kb is None else namespace.max_size_kb * 1000,
        latency_quantile=namespace.latency_quantile,
        max_memory_bytes=None if memory_mb is None else memory_mb * 1e6,
        batch_size=getattr(namespace, "batch_size", 1),
    )
