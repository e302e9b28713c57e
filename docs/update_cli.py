"""Writes `reference/cli.md` from the parsers of the command line: `python docs/update_cli.py`.

A test fails while the page and the parsers differ.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from textwrap import wrap
from typing import Final

from lean_automl_runtime.measure import __main__ as measure

from lean_automl.cli.main import build_parser

PAGE: Final = Path(__file__).with_name("reference") / "cli.md"
HEAD: Final = """\
# Command line

Made from the parsers by `docs/update_cli.py`. A terminal shows live progress; elsewhere there is a line for
each step, with `--verbose` one for each trial, and nothing with `--quiet` or `--json`. `NO_COLOR` is respected.

## Exit codes

--8<-- "README.md:exit-codes"
"""


def page() -> str:
    """The page."""
    return "\n".join([HEAD, *(_command(name, parser) for name, parser in commands())])


def commands() -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Every command and its parser; last what the runtime has."""
    for action in build_parser()._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices.items()
    made = measure.parser()
    yield made.prog, made


def _command(name: str, parser: argparse.ArgumentParser) -> str:
    parts = [f"## {name}", "", *wrap(" ".join((parser.description or "").split()), 120), ""]
    for group in parser._action_groups:
        actions = [action for action in group._group_actions if not isinstance(action, argparse._HelpAction)]
        if not actions:
            continue
        parts += [f"| {group.title or 'options'} | |", "|---|---|"]
        parts += [f"| {_name(action)} | {_meaning(action, parser)} |" for action in actions]
        parts.append("")
    if parser.epilog:
        parts += ["```text", parser.epilog.rstrip(), "```", ""]
    return "\n".join(parts)


def _name(action: argparse.Action) -> str:
    """How an option is written."""
    value = action.metavar if isinstance(action.metavar, str) else None
    if value is None and action.choices is not None:
        value = "{" + ",".join(str(choice) for choice in action.choices) + "}"
    if not action.option_strings:
        return f"`{value or action.dest}`"
    takes = "" if action.nargs == 0 else f" {value or action.dest.upper()}"
    return ", ".join(f"`{option}{takes}`" for option in action.option_strings)


def _meaning(action: argparse.Action, parser: argparse.ArgumentParser) -> str:
    """What an option means, with its default filled in."""
    text = parser._get_formatter()._expand_help(action) if action.help else ""
    chosen = ""
    if action.choices is not None and action.metavar is not None:
        chosen = "; one of " + ", ".join(f"`{choice}`" for choice in action.choices)
    return " ".join(f"{text}{chosen}".replace("|", "\\|").split())


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
