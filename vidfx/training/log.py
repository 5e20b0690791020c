"""The measurements of a run: a line of JSON each time, and TensorBoard's events where they are asked for."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from vidfx.disk import write_whole
from vidfx.errors import Unavailable


class Log:
    """Writes `metrics.jsonl` in a run's folder; the line of a step is on the disk before the next begins."""

    def __init__(self, folder: Path, *, tensorboard: bool = False) -> None:
        """Raises Unavailable where TensorBoard is asked for and not installed."""
        self._path, self._folder = folder / "metrics.jsonl", folder / "events"
        self._events: Any = None
        self._writer: Any = None
        if tensorboard:
            try:
                from torch.utils.tensorboard import SummaryWriter
            except ImportError:
                raise Unavailable("TensorBoard is not installed", hint="pip install 'vidfx[train]'") from None
            self._writer = SummaryWriter

    def after(self, step: int) -> Self:
        """Goes on from the checkpoint of a step: what a run that was stopped told of later ones, it tells again."""
        if self._path.exists():
            told = [line for line in self._path.read_text().splitlines() if _step(line) <= step]
            write_whole(self._path, "".join(f"{line}\n" for line in told).encode())
        if self._writer:
            self._events = self._writer(str(self._folder), purge_step=step + 1)
        return self

    def __enter__(self) -> Self:
        self._file = self._path.open("a")
        return self

    def write(self, step: int, seconds: float, values: Mapping[str, float]) -> None:
        """`values` of one step; `seconds` of training so far."""
        self._file.write(json.dumps({"step": step, "seconds": round(seconds, 1), **values}) + "\n")
        self._file.flush()
        if self._events is not None:
            for name, value in values.items():
                self._events.add_scalar(name, value, step)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()
        if self._events is not None:
            self._events.close()


def _step(line: str) -> float:
    """Of a line of the log; one that was cut short by a kill is none."""
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return math.inf
