"""Errors of lean_automl as callers of scikit-learn expect them: a mistake of the caller is a `ValueError`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from lean_automl.errors import ConfigError, DataError

# Options of the command line, as messages name them, and the parameters that they are here.
OPTION: Final = re.compile(r"--([a-z]+(?:-[a-z]+)*)")
RENAMED: Final = {"seed": "random_state", "column": "columns", "id": "id_columns", "time": "time_column"}


class InputError(DataError, ValueError):
    """The rows cannot be used."""


class SettingError(ConfigError, ValueError):
    """A parameter has a value that is not allowed."""


@contextmanager
def translated() -> Iterator[None]:
    """Raise a mistake of the caller as an error of both worlds, with parameters named as they are here."""
    try:
        yield
    except (InputError, SettingError):
        raise
    except DataError as error:
        raise InputError(_in_our_words(str(error))) from error
    except ConfigError as error:
        raise SettingError(_in_our_words(str(error))) from error


def _in_our_words(message: str) -> str:
    def renamed(match: re.Match[str]) -> str:
        name = match[1].replace("-", "_")
        return RENAMED.get(name, name)

    return OPTION.sub(renamed, message)
