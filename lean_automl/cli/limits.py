"""Options that set limits; shared by commands that must keep them."""

from __future__ import annotations

import argparse

from lean_automl.config import TARGETS, Constraints, check_limit


def add_limit_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of a command that may choose the engine."""
    add_limits(parser).add_argument(
        "--serve-with",
        choices=TARGETS,
        default="auto",
        help="engine that the limits hold for; auto: every exported file with its own engine",
    )


def add_limits(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Add the limits alone."""
    limits = parser.add_argument_group("limits, which are kept or the command fails")
    latency = limits.add_mutually_exclusive_group()
    latency.add_argument("--max-latency-ms", type=float, metavar="MS", help="for one row, raw record to prediction")
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
    for option in ("max_latency_ms", "max_latency_us", "max_size_kb"):
        check_limit(f"--{option.replace('_', '-')}", getattr(namespace, option))
    latency_us = namespace.max_latency_us
    if namespace.max_latency_ms is not None:
        latency_us = namespace.max_latency_ms * 1000
    return Constraints(
        max_latency_us=latency_us,
        max_size_bytes=None if namespace.max_size_kb is None else namespace.max_size_kb * 1000,
        latency_quantile=namespace.latency_quantile,
    )
