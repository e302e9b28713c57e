"""Writing one file that a user named: whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lean_automl.errors import ConfigError


def check_file(out: Path, suffixes: tuple[str, ...], overwrite: bool) -> None:
    """Find out before any work whether the file can be made.

    Raises:
        ConfigError: It has another suffix, exists and may not be replaced, or its folder does not exist.
    """
    if out.suffix not in suffixes:
        wanted = f"neither {' nor '.join(suffixes)}" if len(suffixes) > 1 else f"no {suffixes[0]} file"
        raise ConfigError(f"--out: {out} is {wanted}.")
    if out.exists() and not overwrite:
        raise ConfigError(f"--out: {out} exists already. Choose another name, or pass --overwrite.")
    if not out.absolute().parent.is_dir():
        raise ConfigError(f"--out: {out.absolute().parent} is not a folder. Make it first.")


@contextmanager
def whole_file(out: Path) -> Iterator[Path]:
    """A draft beside `out`, which takes its place if the block ends without an error, and is gone if it does not.

    Raises:
        ConfigError: The file cannot be written.
    """
    draft = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        yield draft
        with draft.open("rb") as stream:
            os.fsync(stream.fileno())  # so that the rename never shows an empty file after a power cut
        draft.replace(out)
    except OSError as error:
        raise ConfigError(f"--out: {out} cannot be written: {error.strerror or error}.") from error
    finally:
        draft.unlink(missing_ok=True)
