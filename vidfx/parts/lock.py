"""One worker at a time in a folder: a lock of the system's, which a process that dies does not keep."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    def _take(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _take(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


_HELD = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK)
"""What the system says where another process holds it; all else is that it cannot lock there at all."""


@contextmanager
def locked(path: Path) -> Iterator[bool]:
    """Holds the lock file `path` inside; False where another process holds it. The file is left to the caller.

    Whoever held it before may have taken the file away in the meantime: then what was locked is nobody's, and it is
    tried again. Raises OSError where the file cannot be made, or the file system offers no locks.
    """
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            _take(handle)
        except OSError as error:
            os.close(handle)
            if error.errno not in _HELD:
                raise
            yield False
            return
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(handle), path.stat()):
                break
        os.close(handle)
    try:
        yield True
    finally:
        os.close(handle)  # which gives the lock back
