"""A render in a process of its own: started, watched, stopped as Ctrl-C would, and started again to go on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from threading import Lock, Thread
from typing import Any, Literal

from vidfx.errors import UsageError
from vidfx.tune.command import quoted

State = Literal["idle", "running", "stopping", "stopped", "failed", "done"]


class Rendering:
    """At most one render at a time. It belongs to the server, not to a page: a tab that is closed changes nothing."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._process: subprocess.Popen[str] | None = None
        self._watcher: Thread | None = None
        self._state: State = "idle"
        self._progress: dict[str, Any] = {}
        self._said: deque[str] = deque(maxlen=20)
        self._words: list[str] = []
        self._began = 0.0
        self._took = 0.0
        self._exit: int | None = None

    def start(self, words: Sequence[str]) -> None:
        """Runs `vidfx WORDS`. Raises UsageError while another render runs."""
        with self._lock:
            if self._process is not None:
                raise UsageError("a render is running already", hint="stop it first, or wait for it")
            self._state, self._words, self._exit = "running", list(words), None
            self._progress, self._began = {}, time.monotonic()
            self._said.clear()
            self._process = subprocess.Popen(
                [sys.executable, "-m", "vidfx", *words, "--progress", "json"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                # what settings say of these is for who types a command; here a box is ticked, or is not
                env=os.environ | {"NO_COLOR": "1", "VIDFX_OVERWRITE": "0", "VIDFX_DRY_RUN": "0"},
                **_own_group(),
            )
            self._watcher = Thread(target=self._watch, args=(self._process,), name="vidfx-tune-render", daemon=True)
            self._watcher.start()

    def stop(self) -> None:
        """Asks it to stop as Ctrl-C does: what is finished stays, and the same command goes on from there."""
        with self._lock:
            if self._process is not None and self._state == "running":
                self._state = "stopping"
                _interrupt(self._process)

    def close(self, patience: float = 20.0) -> None:
        """The server ends: stops the render and waits for it, then ends it by force."""
        self.stop()
        process, watcher = self._process, self._watcher
        if process is not None:
            try:
                process.wait(timeout=patience)
            except subprocess.TimeoutExpired:
                process.kill()
        if watcher is not None:
            watcher.join(timeout=5)

    def status(self) -> dict[str, Any]:
        """What the page shows."""
        with self._lock:
            running = self._process is not None
            return {
                "state": self._state,
                "command": quoted(self._words) if self._words else "",
                "seconds": round(time.monotonic() - self._began if running else self._took, 1),
                "exit_code": self._exit,
                "said": list(self._said),
                **{key: self._progress.get(key) for key in ("frame", "total", "frames_per_second", "speed", "left")},
            }

    def _watch(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        with process.stderr:
            for line in process.stderr:
                self._read(line.rstrip())
        code = process.wait()
        with self._lock:
            asked = self._state == "stopping"
            if asked and (code < 0 or code == 1):
                self._said.clear()  # ended while Python itself was starting, it left a traceback
            self._exit, self._took = code, time.monotonic() - self._began
            self._state = "done" if code == 0 else "stopped" if asked or code in (130, 143) else "failed"
            self._process = None

    def _read(self, line: str) -> None:
        try:
            said = json.loads(line)
        except ValueError:
            said = None
        with self._lock:
            if isinstance(said, dict) and "frame" in said:
                self._progress = said
            elif isinstance(said, dict):
                self._said += [str(text) for key, text in said.items() if key in ("note", "done")]
            elif line:
                self._said.append(line)


def _own_group() -> dict[str, Any]:
    """Ctrl-C in the terminal of the server must not reach the render twice."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def _interrupt(process: subprocess.Popen[str]) -> None:
    # started by a shell in the background, we ignore SIGINT, and so does our child
    deaf = signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    asked = signal.SIGTERM if deaf else signal.SIGINT
    if sys.platform == "win32":
        asked = signal.CTRL_BREAK_EVENT
    with suppress(ProcessLookupError):
        process.send_signal(asked)
