"""The measurements of a run: a line of JSON each time, and TensorBoard's events where they are asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from vidfx.errors import Unavailable


class Log:
    """Appends to `metrics.jsonl` in a run's folder; the line of a step is on the disk before the next begins."""

    def __init__(self, folder: Path, *, tensorboard: bool = False) -> None:
        """Raises Unavailable where TensorBoard is asked for and not installed."""
        self._path = folder / "metrics.jsonl"
        self._events: Any = None
        if tensorboard:
            try:
                from torch.utils.tensorboard import SummaryWriter
            except ImportError:
                raise Unavailable("TensorBoard is not installed", hint="pip install 'vidfx[train]'") from None
            self._events = SummaryWriter(str(folder / "events"))

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
