"""How urgently threads run: what a library takes for itself is given back."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def as_urgent_as_before() -> Iterator[None]:
    """This thread, and those begun inside, run on as this one did before.

    SVT-AV1, started by root, makes real-time threads of the highest priority, and one of the thread that starts it.
    They take the machine from all else, every process that is begun later inherits it, and two of them on two cores
    can wait in the kernel for a third that gets no turn (a chromium did, for ever).
    """
    if sys.platform != "linux":
        yield
        return
    policy, urgency, known = os.sched_getscheduler(0), os.sched_getparam(0), _threads()
    try:
        yield
    finally:
        for thread in (_threads() - known) | {threading.get_native_id()}:
            with suppress(ProcessLookupError):  # it ended meanwhile
                os.sched_setscheduler(thread, policy, urgency)


def _threads() -> set[int]:
    """Of this process, as Linux numbers them."""
    return {int(task.name) for task in Path("/proc/self/task").iterdir()}
