"""A picture worked on in bands of rows, shared out among threads.

What a band needs stays in a core's cache, and the scratch memory of a thread is a band's. OpenCV and numpy let go of
the interpreter while they work, so threads are enough.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

BAND = 64
"""Rows; half as many pay for more calls, twice as many leave the cache."""


class Bands:
    """The bands of pictures of one height."""

    def __init__(self, height: int, threads: int) -> None:
        """`threads`: the most that work at once; the caller's is one of them."""
        self._rows = [slice(top, min(top + BAND, height)) for top in range(0, height, BAND)]
        self.threads = min(threads, len(self._rows))
        self._others = ThreadPoolExecutor(self.threads - 1, "vidfx-band") if self.threads > 1 else None

    def each(self, work: Callable[[int, slice], None]) -> None:
        """Does `work` for every band, once each, with the number of the thread, from 0. Raises what it raises."""

        left = iter(self._rows)  # whoever is free takes the next: a thread may have to share its core

        def share(number: int) -> None:
            for rows in left:
                work(number, rows)

        waiting = [self._others.submit(share, number) for number in range(1, self.threads)] if self._others else []
        try:
            share(0)
        finally:
            for other in waiting:
                other.result()

    def close(self) -> None:
        """Ends the threads."""
        if self._others:
            self._others.shutdown()
