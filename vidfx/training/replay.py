"""A step of training that a GPU plays from a recording.

A step of a small network is a thousand short kernels, and to start them one by one takes a CPU several times as long as
the GPU needs for them. A CUDA graph starts them all at once.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

_BEFORE = 3  # steps that are run as usual: what is made once, an optimiser's memory, must be there before the recording


class Replay:
    """`step`, called as it is on a CPU; on a GPU its kernels are recorded at the fourth call and played from then on.

    Every call gives tensors of the same shapes; what is to change from step to step must be one of them, or be changed
    in place: a number is recorded as it was. The result is overwritten by the next call.
    """

    def __init__(self, step: Callable[..., Tensor], device: torch.device) -> None:
        self._step, self._device, self._calls = step, device, 0
        self._graph: torch.cuda.CUDAGraph | None = None
        self._given: list[Tensor] = []
        self._result = torch.zeros(())

    def __call__(self, *given: Tensor) -> Tensor:
        if self._device.type != "cuda":
            return self._step(*given)
        if self._graph is None and self._calls < _BEFORE:
            self._calls += 1
            return self._aside(given)
        if self._graph is None:
            self._record(given)
        for kept, new in zip(self._given, given, strict=True):
            kept.copy_(new)
        assert self._graph is not None
        self._graph.replay()
        return self._result

    def _aside(self, given: tuple[Tensor, ...]) -> Tensor:
        """Beside the default stream, which cannot be recorded: what a step remembers is then tied to none."""
        usual = torch.cuda.current_stream(self._device)
        side = torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]  # torch ships it without types
        side.wait_stream(usual)
        with torch.cuda.stream(side):
            result = self._step(*given)
        usual.wait_stream(side)
        return result

    def _record(self, given: tuple[Tensor, ...]) -> None:
        self._given = [tensor.clone() for tensor in given]
        torch.cuda.synchronize(self._device)
        self._graph = torch.cuda.CUDAGraph()
        # the threads that load crops go on meanwhile, and may allocate
        with torch.cuda.graph(self._graph, capture_error_mode="thread_local"):
            self._result = self._step(*self._given)
