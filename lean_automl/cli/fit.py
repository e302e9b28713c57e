"""`lean_automl fit`: from a table to a folder with one fast, measured model."""

from __future__ import annotations

import argparse
import json
import os
import signal
from pathlib import Path
from typing import Any, Final

from lean_automl.cli.columns import add_column_options, overrides_of
from lean_automl.cli.limits import ONE_SE, add_device_option, add_limit_options, constraints_of, device_of
from lean_automl.config import EXECUTORS, Budget, FitConfig, parse_monotone
from lean_automl.errors import ConfigError

EXIT_INTERRUPTED: Final = 130
DEFAULT_LIMIT_S: Final = 60.0
EPILOG: Final = """\
examples:
  lean_automl fit train.csv --target y --max-latency-ms 2
  lean_automl fit train.parquet --target price --max-latency-us 50 --max-size-kb 64 --time-limit 120 --metric mae
"""
TASKS: Final = ("binary", "multiclass", "regression")
METRIC: Final = (
    "a scikit-learn scorer, or auc, log_loss, brier, rmse, mse, mae, mape, rmsle; default by task: auc, log_loss, rmse"
)
ALLOWED: Final = ("--resume", "--time-limit", "--verbose", "--quiet", "--json")
GOES_WITH: Final = f"only {', '.join(ALLOWED[1:-1])} and {ALLOWED[-1]}"


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "fit",
        help="fit, verify and export one fast model",
        description="Search for the best model that meets the limits; export it; measure what was exported.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "data", metavar="DATA", nargs="?", help="table: .csv, .tsv, .parquet, .feather, .jsonl, gzip allowed"
    )
    parser.add_argument("--target", metavar="NAME", help="column to predict")
    parser.add_argument(
        "--resume",
        metavar="FOLDER",
        help=f"go on with an interrupted run, given its --out; {GOES_WITH} may be added",
    )
    parser.add_argument("--out", metavar="FOLDER", help="folder to make (default: the table's name and -model)")
    parser.add_argument("--overwrite", action="store_true", help="replace the folder of an earlier run")
    add_limit_options(parser)
    add_device_option(parser)
    budget = parser.add_argument_group("budget")
    budget.add_argument("--time-limit", type=float, metavar="S", help="seconds for everything (60)")
    budget.add_argument("--max-trials", type=int, metavar="N", help="students to try at most")
    budget.add_argument("--no-teacher", action="store_true", help="search students at once, without a teacher")
    budget.add_argument("--no-feature-search", action="store_true", help="read the columns as they are")
    budget.add_argument("--no-measure", action="store_true", help="measure no latency that has no limit")
    how = parser.add_argument_group("how")
    how.add_argument("--metric", metavar="NAME", help=METRIC)
    how.add_argument("--task", choices=TASKS, help="kind of target, if inference is wrong")
    how.add_argument("--families", metavar="A,B", help="student families to search (default: all)")
    how.add_argument("--holdout", type=float, metavar="SHARE", help="rows kept for the final judgement")
    how.add_argument("--folds", type=int, default=5, metavar="K", help="folds of cross-validation (5)")
    how.add_argument(
        "--threads",
        type=int,
        default=os.cpu_count() or 1,
        metavar="N",
        help="processes that fit at the same time (all cores)",
    )
    how.add_argument("--executor", choices=EXECUTORS, default="local", help="where fits run: here, or in a Ray cluster")
    how.add_argument("--address", default="auto", metavar="HOST:PORT", help="of the Ray cluster (auto: this machine's)")
    how.add_argument("--seed", type=int, default=0, metavar="N", help="seed of everything random (0)")
    _add_wishes(how)
    add_column_options(parser)
    parser.add_argument("--json", action="store_true", help="print the result as JSON and nothing else")
    parser.add_argument("--quiet", action="store_true", help="no progress")
    parser.add_argument("--verbose", action="store_true", help="show settings of trials too, and keep a run.log")
    parser.set_defaults(run=run, usual=parser.parse_args([]))


def _add_wishes(group: Any) -> None:
    """Add the options that say what the model should be like."""
    group.add_argument("--class-weight", choices=("balanced",), help="let classes weigh the same in training")
    group.add_argument(
        "--monotone",
        action="append",
        default=[],
        metavar="A=+1,B=-1",
        help="columns that the prediction, or the probability of the second class, may only rise or only fall with",
    )
    group.add_argument("--one-se", action="store_true", help=ONE_SE)
    group.add_argument("--quantiles", metavar="Q,Q", help="predict these quantiles of a number, such as 0.1,0.5,0.9")
    group.add_argument(
        "--feature",
        action="append",
        default=[],
        metavar="'NAME = EXPRESSION'",
        help="a feature of your own, such as 'ratio = debt / (income + 1)'; may be given several times",
    )


def run(namespace: argparse.Namespace) -> int:
    """Fit and show the result."""
    if namespace.resume is None and (namespace.data is None or namespace.target is None):
        raise ConfigError("fit needs DATA and --target, or --resume FOLDER.")
    if namespace.resume is not None:
        _refuse_settings(namespace)
    config = config_of(namespace)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: end with the best so far
    # The training stack takes seconds to import: not before the command line is known to be right.
    if namespace.resume is None:  # a run that goes on has settings of its own
        from lean_automl.automl.executor import begin_loading

        begin_loading(config)
    if config.device is not None:
        from lean_automl.student.device import check_device

        check_device(config.target, config.constraints, config.device)
    overrides = overrides_of(namespace)
    from lean_automl.automl.pipeline import FitRequest, fit, resume
    from lean_automl.cli.progress import make_progress
    from lean_automl.cli.tables import show_result
    from lean_automl.data import Task

    out = Path(namespace.resume) if namespace.resume is not None else output_of(namespace)
    goes_on = namespace.resume is not None
    limit_s = namespace.time_limit if goes_on else config.budget.time_limit_s
    quiet = namespace.quiet or namespace.json
    with make_progress(limit_s, namespace.started, quiet, namespace.verbose) as progress:
        if goes_on:
            result = resume(out, progress, namespace.time_limit, namespace.started, namespace.verbose)
        else:
            request = FitRequest(
                source=Path(namespace.data),
                target=namespace.target,
                out=out,
                overrides=overrides,
                task=None if namespace.task is None else Task(namespace.task),
                overwrite=namespace.overwrite,
                started=namespace.started,
                log=namespace.verbose,
            )
            result = fit(request, config, progress)
    if namespace.json:
        print(json.dumps(result.to_json(), default=str))
    else:
        show_result(result, out)
    return EXIT_INTERRUPTED if result.interrupted else 0


def _refuse_settings(namespace: argparse.Namespace) -> None:
    """A run that goes on has settings of its own."""
    usual = vars(namespace.usual)
    given = [name for name, value in usual.items() if getattr(namespace, name) != value]
    others = ["DATA" if name == "data" else _option(name) for name in given if _option(name) not in ALLOWED]
    if others:
        raise ConfigError(
            f"--resume goes on with the settings of the run: {GOES_WITH} may be added, and not {others[0]}."
        )


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def config_of(namespace: argparse.Namespace) -> FitConfig:
    """The settings of the command line, checked."""
    families = None
    if namespace.families is not None:
        families = tuple(name.strip() for name in namespace.families.split(",") if name.strip())
        if not families:
            raise ConfigError("--families: no name was given.")
    return FitConfig(
        constraints=constraints_of(namespace),
        device=device_of(namespace),
        budget=Budget(
            time_limit_s=DEFAULT_LIMIT_S if namespace.time_limit is None else namespace.time_limit,
            max_trials=namespace.max_trials,
            teacher=not namespace.no_teacher,
            measure=not namespace.no_measure,
            feature_search=not namespace.no_feature_search,
        ),
        target=namespace.serve_with,
        metric=namespace.metric,
        families=families,
        class_weight=namespace.class_weight,
        quantiles=quantiles_of(namespace.quantiles),
        one_se=namespace.one_se,
        monotone=parse_monotone(tuple(namespace.monotone)),
        features=tuple(namespace.feature),
        holdout=namespace.holdout,
        folds=namespace.folds,
        threads=namespace.threads,
        executor=namespace.executor,
        address=namespace.address,
        seed=namespace.seed,
    )


def quantiles_of(text: str | None) -> tuple[float, ...]:
    """Numbers between commas."""
    try:
        return () if text is None else tuple(float(number) for number in text.split(","))
    except ValueError:
        raise ConfigError(f"--quantiles: {text!r} is no list of numbers, such as 0.1,0.5,0.9.") from None


def output_of(namespace: argparse.Namespace) -> Path:
    """The folder to make."""
    if namespace.out is not None:
        return Path(namespace.out)
    stem = Path(namespace.data).name.split(".")[0] or "model"
    return Path(f"{stem}-model")
