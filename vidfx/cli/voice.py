"""How vidfx speaks when something went wrong: one line, one hint, one exit code."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import click

from vidfx.cli.group import origin_of
from vidfx.errors import Interrupted, Terminated, UsageError, VidfxError, as_ours, nearest
from vidfx.progress import Progress


class BadValue(click.BadParameter):
    """A value that an option's type refuses, with a hint."""

    hint = ""


def complain(error: BaseException, args: Sequence[str] = ()) -> int:
    """Tells the user on stderr what went wrong and what to do; gives the exit code. VIDFX_DEBUG=1 adds a traceback."""
    if os.environ.get("VIDFX_DEBUG", "0") not in ("", "0"):
        traceback.print_exception(error)
    ours = translated(error, args)
    lines = [f"{_red('vidfx:')} {ours}", *(f"  {more}" for more in (ours.hint, _notes(error)) if more)]
    with suppress(OSError):  # a log that is full or gone; the exit code says it still
        print("\n".join(lines), file=sys.stderr, flush=True)
    return ours.exit_code


def translated(error: BaseException, args: Sequence[str] = ()) -> VidfxError:
    """Any error as one of ours, click's among them."""
    if isinstance(error, click.Abort):
        return Interrupted("stopped")
    if isinstance(error, click.UsageError):
        return _usage(error, args)
    if isinstance(error, click.ClickException):
        return UsageError(error.format_message(), hint="`vidfx --help` lists the commands")
    return as_ours(error)


@contextmanager
def stopped(what_is_left: str) -> Iterator[None]:
    """Ctrl-C and SIGTERM inside become our errors, and say what is left on the disk, as the notes on it know best."""
    try:
        yield
    except KeyboardInterrupt as stop:
        raise Interrupted(f"stopped; {_notes(stop) or what_is_left}") from stop
    except Terminated as stop:
        raise Terminated(f"terminated; {_notes(stop) or what_is_left}") from stop


@contextmanager
def telling(progress: Progress) -> Iterator[None]:
    """A program that reads the progress is told why a command failed, beside the line for people."""
    try:
        yield
    except Exception as error:
        progress.fail(str(translated(error)))
        raise
    finally:
        progress.end()


def _notes(error: BaseException) -> str:
    return "; ".join(getattr(error, "__notes__", ()))


def _usage(error: click.UsageError, args: Sequence[str]) -> UsageError:
    hint = f"`{error.ctx.command_path if error.ctx else 'vidfx'} --help` explains it"
    if isinstance(error, click.NoSuchOption):
        return _no_such_option(error, args, hint)
    parameter = getattr(error, "param", None)
    if parameter is None or error.ctx is None:
        return UsageError(error.format_message().rstrip("."), hint=hint)
    name = _name(parameter)
    if isinstance(error, click.MissingParameter):
        return UsageError(f"{name} is missing", hint=getattr(parameter, "when_missing", "") or hint)
    origin = origin_of(error.ctx, parameter)
    where = f" (from {origin})" if origin else ""
    return UsageError(f"{name}: {error.message.rstrip('.')}{where}", hint=getattr(error, "hint", "") or hint)


def _no_such_option(error: click.NoSuchOption, args: Sequence[str], hint: str) -> UsageError:
    known = [name for p in error.ctx.command.params for name in (*p.opts, *p.secondary_opts)] if error.ctx else []
    known = [name for name in known if name.startswith("-")] + ["--help"]
    letter = error.option_name.lstrip("-")
    # of `-crff`, click reports only the `-c` that it could not use
    words = [arg.partition("=")[0] for arg in args]
    typed = next((w for w in words if w.startswith("-") and w not in known and letter in w), error.option_name)
    close = nearest(typed, known) or nearest("-" + typed, known)
    return UsageError(f"no option {typed}", hint=f"did you mean {close}?" if close else hint)


def _name(parameter: click.Parameter) -> str:
    """The option as one would type it, or the argument as the help page writes it."""
    if isinstance(parameter, click.Argument):
        return parameter.human_readable_name
    return max(parameter.opts, key=len)


def _red(text: str) -> str:
    plain = "NO_COLOR" in os.environ or os.environ.get("TERM") == "dumb" or not sys.stderr.isatty()
    return text if plain else click.style(text, fg="red", bold=True)
