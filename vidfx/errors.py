"""What can go wrong, as the user sees it.

    VidfxError                 1   unexpected
    ├── UsageError             2   a flag, setting or recipe that makes no sense
    ├── NotMet                 3   a render that is not as good as was required
    ├── UnreadableInput       65   a clip or model file that cannot be read for what it is
    ├── MissingInput          66   no such clip, style, matte or model file
    ├── Unavailable           69   the device, runtime or encoder asked for is not here
    ├── CannotWrite           73   the output exists, or its folder is missing or closed
    ├── TryAgain              75   memory or disk ran out; the same command may work later
    ├── Interrupted          130   Ctrl-C (SIGINT)
    └── Terminated           143   SIGTERM

Every error carries a `hint`: what to do about it; the last two, which the user wished for, need none. The exit codes
follow BSD's sysexits.h and the shell's 128 + signal; they are part of the public interface.
"""

import difflib
import errno
from collections.abc import Iterable

_OUT_OF_MEMORY = ("can't allocate memory", "not enough memory", "out of memory", "Insufficient memory")
"""What torch's CPU allocator, CUDA and OpenCV say; none of them raises MemoryError."""


class VidfxError(Exception):
    """Base of every error that vidfx raises on purpose: `str(error)` says what happened, `hint` what to do."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class UsageError(VidfxError):
    """A flag, setting or recipe that makes no sense."""

    exit_code = 2


class NotMet(VidfxError):
    """A render was measured and is not as good as was required."""

    exit_code = 3


class UnreadableInput(VidfxError):
    """A clip, picture or model file that is there but cannot be read for what it claims to be."""

    exit_code = 65


class MissingInput(VidfxError):
    """No such clip, style, matte or model file."""

    exit_code = 66


class Unavailable(VidfxError):
    """The device, runtime or encoder asked for is not on this machine."""

    exit_code = 69


class CannotWrite(VidfxError):
    """The output exists already, or its folder is missing or not writable."""

    exit_code = 73


class TryAgain(VidfxError):
    """Memory or disk ran out: the same command may work later, or with smaller settings."""

    exit_code = 75


class Interrupted(VidfxError):
    """SIGINT, usually Ctrl-C."""

    exit_code = 130


class Terminated(VidfxError):
    """SIGTERM."""

    exit_code = 143


def ran_out_of_memory(error: BaseException) -> bool:
    """Whether that is what a library says in its own words."""
    return isinstance(error, MemoryError) or any(words in str(error) for words in _OUT_OF_MEMORY)


def as_ours(error: BaseException) -> VidfxError:
    """Any error as one of ours: what is not expected says which it was, on one line."""
    if isinstance(error, VidfxError):
        return error
    if isinstance(error, KeyboardInterrupt):
        return Interrupted("stopped")
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        where = f" where '{error.filename}' lies" if error.filename else ""
        return TryAgain(f"the disk is full{where}", hint="make room, then give the same command again")
    if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
        return UsageError(f"the name of '{error.filename}' is too long for the system", hint="choose a shorter name")
    if ran_out_of_memory(error):
        return TryAgain("memory ran out", hint="--batch 1 and --tile 512 need less of it")
    what = str(error).strip().splitlines()
    message = f"unexpected {type(error).__name__}" + (f": {what[0]}" if what else "")
    return VidfxError(message, hint="this is a fault in vidfx; set VIDFX_DEBUG=1 to see where")


def nearest(word: str, known: Iterable[str], *, like: float = 0.6) -> str | None:
    """The known word most like `word`, for a hint; None where none is as like it as that, 0 to 1."""
    return next(iter(difflib.get_close_matches(word, list(known), n=1, cutoff=like)), None)
