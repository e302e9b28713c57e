"""The whole job: from a table to a folder with one fast, measured model; and going on with a job that was killed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lean_automl.automl.executor import make_workers
from lean_automl.automl.journal import REQUEST, Journal, check_same_data
from lean_automl.automl.logbook import log_request, log_result, logbook
from lean_automl.automl.output import JOURNAL, LOG, OutputFolder, aside_of, check_output
from lean_automl.automl.request import FitRequest, Watcher
from lean_automl.automl.run import Run
from lean_automl.errors import ConfigError, LeanAutoMLError
from lean_automl.features import parse_all
from lean_automl.search.clock import Clock
from lean_automl.student.families import check_families

if TYPE_CHECKING:
    from lean_automl.automl.result import RunResult
    from lean_automl.config import FitConfig

__all__ = ["FitRequest", "Watcher", "fit", "resume"]


def fit(request: FitRequest, config: FitConfig, watcher: Watcher) -> RunResult:
    """Fit, verify and write one fast model.

    Raises:
        DataError: The table cannot be used.
        ConfigError: A setting cannot be used.
        InfeasibleError: No student meets the constraints; the message has the nearest miss.
        KeyboardInterrupt: Interrupted before there was anything to end with.
    """
    check_output(request.out, request.overwrite)
    check_families(config.families)
    parse_all(config.features)  # so that what cannot be read is told at once
    return _fit(request, config, watcher, resume=False)


def resume(out: Path, watcher: Watcher, time_limit_s: float | None, started: float, log: bool = False) -> RunResult:
    """Go on with a run that was killed or interrupted; what it finished is not repeated.

    Args:
        out: Its output folder.
        watcher: Is told of every step.
        time_limit_s: For what is left to do; None for the run's own limit, anew.
        started: `time.monotonic()` from which it counts.
        log: Whether to go on with its `run.log`, also if it had none.

    Raises:
        ConfigError: There is no such run, or its table has changed.
        ArtifactError: Its journal cannot be read.
    """
    aside = aside_of(out)
    stored = Journal(aside / JOURNAL).get(REQUEST) if (aside / JOURNAL).is_dir() else None
    if stored is None:
        raise ConfigError(f"--resume: no interrupted run was found for {out}.")
    request, config, digest = stored
    check_same_data(Path(request.source), digest)
    check_output(request.out, overwrite=True)
    if time_limit_s is not None:
        config = replace(config, budget=replace(config.budget, time_limit_s=time_limit_s))
    return _fit(replace(request, started=started, log=log or request.log), config, watcher, resume=True)


def _fit(request: FitRequest, config: FitConfig, watcher: Watcher, resume: bool) -> RunResult:
    clock = Clock(config.budget.time_limit_s, request.started)
    with OutputFolder(request.out, resume) as folder:
        if not request.log:
            return _run(request, config, watcher, clock, folder)
        with logbook(folder.aside / LOG, watcher, clock) as book:
            log_request(request, config, resume)
            result = _run(request, config, book, clock, folder)
            log_result(result)
        return result


def _run(request: FitRequest, config: FitConfig, watcher: Watcher, clock: Clock, folder: OutputFolder) -> RunResult:
    with make_workers(config) as workers:
        run = Run(request, config, watcher, clock, workers, folder)
        try:
            run.read()
            run.choose_files()
            run.publish_first()
            run.choose_features()
            run.prepare()
            try:
                run.try_first()
                run.teach()
                run.search()
                run.grow()
            except KeyboardInterrupt:  # once: end with the best so far; twice: with what is published already
                workers.kill()
                run.interrupted = True
                folder.keep = run.journal is not None  # also if nothing that was found so far keeps the limits
            result = run.finish()
            folder.keep = run.interrupted and run.journal is not None
        except KeyboardInterrupt:
            run.publisher.settle()
            folder.keep = run.journal is not None
            what = f"{request.out} holds the first model" if folder.published else "nothing was written"
            how = f". Go on with: lean_automl fit --resume {request.out}" if folder.keep else ""
            raise KeyboardInterrupt(what + how) from None
        except LeanAutoMLError:
            if folder.keep:
                watcher.step("note", f"what was found so far is kept: lean_automl fit --resume {request.out}")
            raise
        except OSError as error:  # a full disk
            run.publisher.settle()
            folder.keep = run.journal is not None and run.publisher.shipped is not None
            if not folder.keep:
                raise
            how = f"Make room and go on with: lean_automl fit --resume {request.out}"
            raise OSError(f"{error}. {request.out} holds the first model. {how}") from error
        finally:
            run.publisher.settle()
    return result
