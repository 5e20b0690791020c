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
import time
from collections.abc import Sequence
from io import TextIOWrapper
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
PATIENCE = 5.0
"""Seconds that a command has to clean up before another Ctrl-C is heard."""

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

    Begin with `vidfx render clip.mp4 --style ink`, or with `vidfx tune clip.mp4` to find the look first.

    `vidfx COMMAND --help` explains a command. Every option can also stand in a VIDFX_<OPTION> variable, in vidfx.toml
    in the current folder, or in your own vidfx.toml.
    """


def main(args: Sequence[str] | None = None) -> int:
    """Runs one command and gives its exit code, as `vidfx.errors` lists them; no traceback unless VIDFX_DEBUG=1.

    Without `args` it is the command that the process was started for, and the process ends with it.
    """
    _open_streams()
    signals = _Signals(to_the_end=args is None)
    args = list(sys.argv[1:] if args is None else args)
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    with signals:
        try:
            code = cli.main(args=args, prog_name="vidfx", standalone_mode=False)
            sys.stdout.flush()
        except BrokenPipeError:
            # the reader left, which is its right; without a sink the interpreter would complain at exit
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        except (Exception, KeyboardInterrupt) as error:
            signals.ignore()
            return complain(error, args)
    return code if isinstance(code, int) else 0


def _open_streams() -> None:
    """Where stdout or stderr was closed (`>&-`), what is said goes nowhere, and not into the first file opened.

    What cannot be said in the terminal's encoding, such as a file name that is not UTF-8, is said by its escapes.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w"))
        elif isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


class _Signals:
    """While it stands, SIGTERM and SIGINT raise in the main thread, so that everything is cleaned up.

    Those that come next are ignored, since they must not cut the clean-up short: SIGTERM for good; SIGINT for some
    seconds, as Python loses what is raised in a finaliser, and a second Ctrl-C must then be heard.
    """

    def __init__(self, *, to_the_end: bool) -> None:
        """`to_the_end`: once ignored, they stay so, for a process that is coming to its end must not hear them."""
        self._to_the_end = to_the_end
        self._before: dict[signal.Signals, Any] = {}
        self._ignored = False
        self._deaf_until = 0.0

    def __enter__(self) -> None:
        wanted = {signal.SIGTERM: self._terminate}
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # a job in the background ignores it
            wanted[signal.SIGINT] = self._interrupt
        try:
            for number, handler in wanted.items():
                self._before[number] = signal.signal(number, handler)
        except ValueError:  # called from another thread than the main one, which alone may do this
            pass

    def __exit__(self, *_: object) -> None:
        if not (self._ignored and self._to_the_end):
            for number, handler in self._before.items():
                signal.signal(number, handler)

    def ignore(self) -> None:
        self._ignored = True
        for number in self._before:
            signal.signal(number, signal.SIG_IGN)

    def _terminate(self, _: int, __: FrameType | None) -> None:
        self.ignore()
        raise Terminated("terminated")

    def _interrupt(self, _: int, __: FrameType | None) -> None:
        if time.monotonic() >= self._deaf_until:
            self._deaf_until = time.monotonic() + PATIENCE
            raise KeyboardInterrupt


__all__ = ["COMMANDS", "LazyGroup", "cli", "main"]
