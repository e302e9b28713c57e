"""Entry point: parses the command line, runs a command, turns errors into one line and an exit code.

Exit codes: 0 done and every limit met; 1 error; 2 wrong usage; 3 no model meets the limits;
4 a limit of a gate is not met; 130 interrupted.
"""

from __future__ import annotations

import time

STARTED = time.monotonic()  # the time limit counts from here: imports take seconds

# ruff: noqa: E402
import argparse
import gc
import sys
from typing import Final, NoReturn

from lean_automl import __version__
from lean_automl.cli import bench, compile, completion, export, fit, front, gate, inspect, predict, profile, report
from lean_automl.errors import ConfigError, InfeasibleError, InternalError, LeanAutoMLError

EXIT_ERROR: Final = 1
EXIT_USAGE: Final = 2
EXIT_INFEASIBLE: Final = 3
EXIT_INTERRUPTED: Final = fit.EXIT_INTERRUPTED
COMMANDS: Final = (fit, front, compile, export, predict, inspect, bench, gate, profile, report, completion)


class OneLineParser(argparse.ArgumentParser):
    """Says what is wrong in one line, as every other error is said; the usage is a `--help` away."""

    def error(self, message: str) -> NoReturn:
        """End with the exit code for wrong usage."""
        self.exit(EXIT_USAGE, f"{self.prog}: error: {message}. See {self.prog} --help.\n")


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = OneLineParser(
        prog="lean_automl", description="AutoML for models that must ship: latency and size are limits that are kept."
    )
    parser.add_argument("--version", action="version", version=f"lean_automl {__version__}")
    commands = parser.add_subparsers(title="commands", dest="command", required=True, metavar="COMMAND")
    for module in COMMANDS:
        module.add_parser(commands)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    namespace = build_parser().parse_args(arguments)
    namespace.started = STARTED if arguments is None else time.monotonic()
    try:
        code: int = namespace.run(namespace)
    except InfeasibleError as error:
        return _fail("infeasible", error, EXIT_INFEASIBLE)
    except ConfigError as error:
        return _fail("error", error, EXIT_USAGE)
    except InternalError as error:
        return _fail("internal error, please report it", error, EXIT_ERROR)
    except LeanAutoMLError as error:
        return _fail("error", error, EXIT_ERROR)
    except KeyboardInterrupt as interrupt:
        return _fail("interrupted", str(interrupt) or "nothing was written", EXIT_INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()
        return EXIT_ERROR
    except OSError as error:  # a full disk, a folder that may not be written to
        return _fail("error", error, EXIT_ERROR)
    return code


def run() -> NoReturn:
    """Console script."""
    code = main()
    gc.freeze()  # the process ends: looking for garbage among all that the libraries made would take a second
    sys.exit(code)


def _fail(kind: str, message: object, code: int) -> int:
    text = " ".join(str(message).split())
    print(f"lean_automl: {kind}: {text}", file=sys.stderr)
    return code
