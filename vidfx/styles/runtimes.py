"""What multiplies: a generator's weights behind one call, whether torch or OpenVINO runs it.

Both take N × H × W × 3 pictures, uint8 or uint16, whose sides are multiples of the style's, and give the painted ones.
"""

from __future__ import annotations

import sys
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack
from functools import cache
from threading import Lock
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from vidfx.errors import ran_out_of_memory
from vidfx.heap import keep_freed_memory
from vidfx.machine import Runtime
from vidfx.styles.blocks import shuffled, unshuffled
from vidfx.styles.library import StyleFile
from vidfx.styles.weights import STEPS, by_pixel, read_weights

Batch = NDArray[np.uint8 | np.uint16]
"""N × H × W × 3, RGB, 0..255 as uint8 or 0..65535 as uint16."""
Shape = tuple[int, ...]
Lane = list[Any]
"""OpenVINO's requests that paint one picture, in order: a deep one takes two."""

_KEPT_SHAPES = 2
"""Sizes for which OpenVINO stays compiled: each holds its own working memory."""


class Painter(Protocol):
    """One pass of a generator; may be called from several threads. Raises MemoryError when memory runs out."""

    def __call__(self, batch: Batch) -> Batch: ...


def load_painter(style: StyleFile, runtime: Runtime) -> Painter:
    """A style's generator on the runtime that was decided. Raises UnreadableInput for weights that do not fit."""
    return OpenvinoPainter(style, runtime) if runtime.name == "openvino" else TorchPainter(style, runtime)


class TorchPainter:
    """The generator as torch runs it, on a CPU or a GPU.

    A CPU paints the pictures of a batch side by side, for the reason that `OpenvinoPainter` gives.
    """

    def __init__(self, style: StyleFile, runtime: Runtime) -> None:
        import torch

        from vidfx.styles.fused import quickest
        from vidfx.styles.generator import Generator, convolve

        self._torch, self._device = torch, torch.device(runtime.device)
        self._on_cpu, self._threads = not runtime.gpu, runtime.threads
        self._pool = ThreadPoolExecutor(runtime.pictures_at_once, "vidfx-torch")
        self._dtype = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[runtime.precision]
        self._convolve = quickest(self._dtype) if self._on_cpu else convolve
        if self._on_cpu:
            keep_freed_memory()
        generator = Generator(style.card.generator)
        weights = by_pixel(read_weights(style))
        generator.load_state_dict({name: torch.from_numpy(values) for name, values in weights.items()})
        generator.eval().requires_grad_(False)
        self._generator = generator.to(device=self._device, dtype=self._dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs lack memory_format here

    def __call__(self, batch: Batch) -> Batch:
        if len(batch) == 1 or not self._on_cpu:
            return self._guarded(batch, self._threads)
        share = max(1, self._threads // len(batch))
        out = np.empty_like(batch)

        def paint(place: int) -> None:
            out[place] = self._guarded(batch[place : place + 1], share)[0]

        lanes = [self._pool.submit(paint, place) for place in range(len(batch))]
        wait(lanes)  # also where one fails: what its neighbours hold is wanted back first
        self._torch.set_num_threads(self._threads)  # the last that said so also says it for threads to come
        for lane in lanes:
            lane.result()
        return out

    def _guarded(self, batch: Batch, threads: int) -> Batch:
        torch = self._torch
        torch.set_num_threads(threads)  # of this thread of ours
        try:
            with torch.inference_mode():
                return self._paint(batch)
        except RuntimeError as error:
            if not ran_out_of_memory(error):
                raise
            if self._device.type == "cuda":
                torch.cuda.empty_cache()
            raise MemoryError(str(error)) from error

    def _paint(self, batch: Batch) -> Batch:
        from vidfx.styles.generator import cut, joined, shuffle_by_pixel

        torch, deep = self._torch, batch.dtype == np.uint16
        pictures = np.ascontiguousarray(batch)
        if self._on_cpu:  # numpy moves whole rows of a block, where torch would move single bytes
            blocks = [torch.from_numpy(unshuffled(pictures, step)) for step in STEPS]
        else:
            there = torch.from_numpy(pictures).to(self._device, non_blocking=True)
            blocks = [cut(there, step) for step in STEPS]
        given = [x.float().div_(257) if deep else x.to(self._dtype) for x in blocks]  # fp16 ends at 65504
        quarter, half = (x.sub_(127.5).to(self._dtype).permute(0, 3, 1, 2) for x in given)
        painted = self._generator.paint(quarter, half, shuffle_by_pixel, self._convolve, deep=deep)
        painted = painted.permute(0, 2, 3, 1).float()  # bf16 has 8 bits of mantissa: scale and round in fp32
        painted = painted.add_(127.5).mul_(257).add_(0.5) if deep else painted.add_(128)  # with 0.5 to round
        painted = painted.clamp_(0, 65535 if deep else 255).to(torch.uint16 if deep else torch.uint8)
        if self._on_cpu:
            return shuffled(painted.numpy(), STEPS[-1])
        out: Batch = joined(painted, STEPS[-1]).cpu().numpy()
        return out


class OpenvinoPainter:
    """The generator as OpenVINO runs it on a CPU, compiled once for each size and depth.

    The pictures of a batch are painted side by side, each with its share of the threads: none waits for another at the
    end of every layer, and the other stages of a render find work for whichever core is free.
    """

    def __init__(self, style: StyleFile, runtime: Runtime) -> None:
        from vidfx.styles.graph import Graph
        from vidfx.styles.quantise import ranges_of

        self._openvino = openvino = import_openvino()
        weights, network = read_weights(style), style.card.generator
        ranges = ranges_of(openvino, network, weights) if runtime.precision == "int8" else None
        self._models = {deep: Graph(openvino, network, weights, ranges, deep=deep).models() for deep in (False, True)}
        self._core = openvino.Core()
        self._threads = runtime.threads
        self._settings = {
            # left unsaid, it rounds to bf16 wherever the CPU can
            "INFERENCE_PRECISION_HINT": "bf16" if runtime.float_precision == "bf16" else "f32",
            "INFERENCE_NUM_THREADS": runtime.threads,
            "ENABLE_CPU_PINNING": False,  # the other stages need the cores too
        }
        self._lanes: OrderedDict[tuple[bool, int, int], list[Lane]] = OrderedDict()
        self._one_at_a_time = Lock()
        # Ctrl-C is raised in the main thread only: there it would free arrays that a pass is still reading and writing
        self._thread = ThreadPoolExecutor(1, "vidfx-openvino")

    def __call__(self, batch: Batch) -> Batch:
        deep = batch.dtype == np.uint16
        given = batch.astype(np.float32) / 257 if deep else np.ascontiguousarray(batch)
        blocks = [unshuffled(given, step) for step in STEPS]
        out: NDArray[Any] = np.empty(blocks[-1].shape, given.dtype)
        try:
            with self._one_at_a_time:
                lanes = self._compiled(deep, batch.shape)
                for first in range(0, len(batch), len(lanes)):
                    some = [slice(place, place + 1) for place in range(first, min(first + len(lanes), len(batch)))]
                    arrays = [[*(block[one] for block in blocks), out[one]] for one in some]
                    self._thread.submit(self._paint, lanes[: len(some)], arrays).result()
        except RuntimeError as error:
            if "bad_alloc" not in str(error) and "allocat" not in str(error):
                raise
            self._lanes.clear()
            raise MemoryError(str(error)) from error
        painted = shuffled(out, STEPS[-1])
        return np.rint(painted * 257).astype(np.uint16) if deep else painted

    def _paint(self, lanes: list[Lane], arrays: list[list[NDArray[Any]]]) -> None:
        """One picture a lane: the last of its arrays is written to, the others are read."""
        # OpenVINO reads and writes the arrays themselves and holds on to none: these names must outlive the pass
        tensors = [[self._openvino.Tensor(array, shared_memory=True) for array in some] for some in arrays]
        for lane, (*given, out) in zip(lanes, tensors, strict=True):
            for place, tensor in enumerate(given):
                lane[0].set_input_tensor(place, tensor)
            lane[-1].set_output_tensor(out)
        for step in zip(*lanes, strict=True):
            with ExitStack() as begun:  # where one fails, the others are waited for too
                for request in step:
                    request.start_async()
                    begun.callback(request.wait)

    def _compiled(self, deep: bool, shape: Shape) -> list[Lane]:
        """As many lanes as the first batch of a size had pictures, or as there are threads."""
        count, height, width, channels = shape
        key = deep, height, width
        if key not in self._lanes:
            while len(self._lanes) >= _KEPT_SHAPES:
                self._lanes.popitem(last=False)  # used longest ago
            lanes: list[Lane] = [[] for _ in range(min(count, self._threads))]
            settings = self._settings | {"NUM_STREAMS": len(lanes)}
            given = [[1, height // step, width // step, channels * step**2] for step in STEPS]
            for number, model in enumerate(self._models[deep]):
                sized, last = model.clone(), number == len(self._models[deep]) - 1
                sized.reshape(dict(enumerate(given)))
                exactly = {"INFERENCE_PRECISION_HINT": "f32"} if deep and last else {}
                compiled = self._core.compile_model(sized, "CPU", settings | exactly)
                for lane in lanes:
                    request = compiled.create_infer_request()
                    if lane:
                        request.set_input_tensor(lane[-1].get_output_tensor())
                    lane.append(request)
                given = [list(compiled.output(0).shape)]
            self._lanes[key] = lanes
        self._lanes.move_to_end(key)
        return self._lanes[key]


@cache
def import_openvino() -> Any:
    """OpenVINO, kept from reporting its use: on import it tells Google Analytics unless this module is missing."""
    name = "openvino_telemetry"
    before = sys.modules.get(name)
    sys.modules[name] = None  # type: ignore[assignment]  # Python's own way to say that a module is not there
    try:
        import openvino
        import openvino.opset13
    finally:
        if before is None:
            del sys.modules[name]
        else:
            sys.modules[name] = before
    return openvino
