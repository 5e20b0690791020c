"""The command line. A command's module, and what it needs, is loaded when that command is called.

render   a clip becomes a painted film        preview  one frame in several styles
tune     a page to find the look on           train    makes a style
styles   what styles there are                evaluate says how good a render is
batch    many clips, many workers              farm     a job in parts, for a render farm
bench    where a render's time goes           doctor   what this machine can do
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import Any

import click

from vidfx.cli.group import LazyGroup, TopGroup
from vidfx.cli.voice import complain
from vidfx.errors import Terminated

ENVIRONMENT = {
    "OMP_WAIT_POLICY": "PASSIVE",  # stages share the cores: a spinning OpenMP thread steals another's
    "OPENCV_THREAD_POOL_ACTIVE_WAIT_MAIN": "0",  # the same of OpenCV's: a fifteenth of a render's whole CPU time
    "OPENCV_THREAD_POOL_ACTIVE_WAIT_WORKER": "0",
    "SVT_LOG": "1",  # errors only; SVT-AV1 else writes twenty lines to stderr, past everybody
}
"""Variables that must stand before the first heavy import (OpenMP reads its own once); a user's value always wins."""

COMMANDS = {
    "render": "vidfx.cli.render:render",
    "preview": "vidfx.cli.preview:preview",
    "tune": "vidfx.cli.tune:tune",
    "styles": "vidfx.cli.styles:styles",
    "bench": "vidfx.cli.bench:bench",
    "doctor": "vidfx.cli.doctor:doctor",
    "batch": "vidfx.cli.batch:batch",
    "farm": "vidfx.cli.farm:farm",
    "train": "vidfx.cli.train:train",
    "evaluate": "vidfx.cli.evaluate:evaluate",
}


def _print_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        from vidfx import __version__

        click.echo(f"vidfx {__version__}")
        context.exit()


@click.group(cls=TopGroup, commands_at=COMMANDS)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Say which vidfx it is."
)
def cli() -> None:
    """Turns film into a moving painting; sound, subtitles and timing stay as they are.

    `vidfx COMMAND --help` explains a command. Every option can also stand in a VIDFX_<OPTION> variable, in vidfx.toml
    in the current folder, or in your own vidfx.toml.
    """


def main(args: Sequence[str] | None = None) -> int:
    """Runs one command and gives its exit code, as `vidfx.errors` lists them; no traceback unless VIDFX_DEBUG=1."""
    args = list(sys.argv[1:] if args is None else args)
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    with _SigtermRaises():
        try:
            code = cli.main(args=args, prog_name="vidfx", standalone_mode=False)
            sys.stdout.flush()
        except BrokenPipeError:
            # the reader left, which is its right; without a sink the interpreter would complain at exit
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        except (Exception, KeyboardInterrupt) as error:
            return complain(error, args)
    return code if isinstance(code, int) else 0


class _SigtermRaises:
    """While it stands, SIGTERM raises Terminated in the main thread, so that everything is cleaned up."""

    def __enter__(self) -> None:
        try:
            self._before: Any = signal.signal(signal.SIGTERM, self._raise)
        except ValueError:  # called from another thread than the main one, which alone may do this
            self._before = None

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGTERM, self._before)

    @staticmethod
    def _raise(_: int, __: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second one must not cut the clean-up short
        raise Terminated("terminated")


__all__ = ["COMMANDS", "LazyGroup", "cli", "main"]
