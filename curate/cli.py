"""The `curate` command. A command parses its arguments, calls the library and shows the result.

The commands are in `curate/commands/`; their order here is their order in `curate --help`. Nothing
heavy is imported before one runs, so that `curate --help` answers at once.
"""

from __future__ import annotations

import gc
import os
import sys
from typing import Never

import typer

from curate.commands import annotate, duplicates, export, look, make, quality
from curate.commands.app import ReaderGoneError, StoppedError, app, app_for
from curate.lean import begin_lean
from schemas.errors import PairwrightError

__all__ = ["annotate", "app", "duplicates", "export", "look", "main", "make", "quality"]

EXIT_INTERRUPTED = 130
"""What a shell expects of a command that Ctrl-C ended."""

EXIT_READER_GONE = 141
"""What a shell expects of a command whose output nobody reads any more."""


def main() -> Never:
    """Run the command; end with 0 done, 1 the data said no, 2 the call was wrong."""
    begin_lean()
    try:
        app_for(sys.argv[1:])()
    except PairwrightError as error:
        from curate.console import err, safe

        err().print("[bold red]error:[/] ", safe(str(error)), sep="")
        sys.exit(error.exit_code)
    except StoppedError as error:
        typer.echo(str(error), err=True)
        sys.exit(EXIT_INTERRUPTED)
    except ReaderGoneError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(EXIT_READER_GONE)
    gc.freeze()  # or Python searches all there is for garbage once more, for a quarter of a second
    sys.exit(0)
