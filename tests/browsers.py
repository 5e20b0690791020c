"""A browser that is installed already, driven by playwright; one that hangs is ended, so that a test fails and goes on.

Rarely, chromium and playwright's driver talk to each other for ever, and none of playwright's calls but the waiting
ones has a time limit. Ended from outside, the call that waits raises TargetClosedError, for which `AGAIN` runs its test
once more.
"""

from __future__ import annotations

import faulthandler
import os
import shutil
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

PATIENCE = 200.0
"""Seconds for one test: ten times what the longest takes, and less than what pytest itself allows."""
AGAIN = pytest.mark.flaky(reruns=1, only_rerun=["TargetClosedError", "Playwright connection closed"])


class Browsers:
    """At most one browser at a time, begun when it is first asked for and anew when it has died."""

    def __init__(self, executable: str) -> None:
        self._executable = executable
        self._driver: Any = None
        self._chromium: Any = None

    @contextmanager
    def watched(self, patience: float = PATIENCE) -> Iterator[Any]:
        """A browser for one test, ended by force if that takes longer than `patience` seconds."""
        if self._chromium is None:
            from playwright.sync_api import sync_playwright

            self._driver = sync_playwright().start()
            self._chromium = self._driver.chromium.launch(executable_path=self._executable, args=["--no-sandbox"])
        ended = threading.Event()
        watch = threading.Timer(patience, self._end_by_force, [ended])
        watch.daemon = True
        watch.start()
        try:
            yield self._chromium
        finally:
            watch.cancel()
            if ended.is_set() or not self._chromium.is_connected():
                self.close()

    def close(self) -> None:
        chromium, driver = self._chromium, self._driver
        self._chromium = self._driver = None
        for done in (chromium and chromium.close, driver and driver.stop):
            if done is not None:
                with suppress(Exception):  # it may be dead
                    done()

    @staticmethod
    def _end_by_force(ended: threading.Event) -> None:
        ended.set()
        faulthandler.dump_traceback(file=sys.__stderr__ or 2)
        found = [child for child in below(os.getpid()) if b"playwright" in child.command or b"chrom" in child.command]
        print("the browser hangs and is ended:", *found, sep="\n  ", file=sys.__stderr__, flush=True)
        for child in found:
            with suppress(ProcessLookupError):
                os.kill(child.pid, signal.SIGKILL)


class Child:
    def __init__(self, folder: Path) -> None:
        state = (folder / "stat").read_text().rpartition(")")[2].split()
        self.pid, self.parent = int(folder.name), int(state[1])
        self.seconds = (int(state[11]) + int(state[12])) / os.sysconf("SC_CLK_TCK")
        self.command = (folder / "cmdline").read_bytes().replace(b"\0", b" ")

    def __str__(self) -> str:
        return f"{self.pid}, {self.seconds:.0f} s of CPU: {self.command[:90].decode(errors='replace')}"


def below(pid: int) -> list[Child]:
    """The processes that one has begun, and those that these have, as Linux lists them."""
    children = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it ended meanwhile
            children.append(Child(folder))
    found, known = [], {pid}
    while more := [child for child in children if child.parent in known and child.pid not in known]:
        found += more
        known |= {child.pid for child in more}
    return found


def installed() -> Browsers:
    """Skips where there is none."""
    pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    paths = [path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))]
    if not paths:
        pytest.skip("no chromium is installed to open a page in")
    return Browsers(paths[0])
