"""`lean_automl completion`: a script with which a shell completes commands, options and files."""

from __future__ import annotations

import argparse
from typing import Any, Final

SHELLS: Final = ("bash", "zsh", "fish")
EPILOG: Final = """\
examples:
  eval "$(lean_automl completion bash)"
  lean_automl completion bash > ~/.local/share/bash-completion/completions/lean_automl
  lean_automl completion zsh > "${fpath[1]}/_lean_automl"
  lean_automl completion fish > ~/.config/fish/completions/lean_automl.fish
"""


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "completion",
        help="print a script that lets a shell complete",
        description="Print a script with which a shell completes commands, options and names of files.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("shell", metavar="SHELL", choices=SHELLS, help="bash, zsh or fish")
    parser.set_defaults(run=run)


def run(namespace: argparse.Namespace) -> int:
    """Print the script."""
    import shtab

    from lean_automl.cli.main import build_parser

    parser = build_parser()
    _complete_files(parser)
    print(shtab.complete(parser, shell=namespace.shell))
    return 0


def _complete_files(parser: argparse.ArgumentParser) -> None:
    """Let values be completed as files where they are files or folders."""
    import shtab

    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                _complete_files(command)
        elif action.metavar in ("FOLDER", "RUN"):
            action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
        elif action.metavar in ("FILE", "DATA", "MODEL"):
            action.complete = shtab.FILE  # type: ignore[attr-defined]
