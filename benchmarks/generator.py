"""What the network alone takes for a 1280 × 720 picture, beside what the host gave it.

    python benchmarks/generator.py --style ink --seconds 60

Wall time on all cores, from blocks of pixels to blocks of pixels, the runtimes taking turns. A virtual machine shares
its cores: so each round also times a plain product of two 2048 × 2048 matrices in bf16, and the rounds are told apart
by how fast that ran, a fifth of them a row.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import cv2
import numpy as np
import torch

from vidfx.heap import keep_freed_memory
from vidfx.machine import BF16_FLAGS, INT8_FLAGS, cpu_flags
from vidfx.source import open_clip, read_frames
from vidfx.styles.blocks import unshuffled
from vidfx.styles.fused import quickest
from vidfx.styles.generator import Generator, shuffle_by_pixel
from vidfx.styles.graph import Graph
from vidfx.styles.library import StyleFile, find_style
from vidfx.styles.quantise import ranges_of
from vidfx.styles.runtimes import import_openvino
from vidfx.styles.weights import STEPS, by_pixel, read_weights

EDGE = 2048
GROUPS = 5
Pass = Callable[[], object]


def torch_pass(style: StyleFile, blocks: list[np.ndarray]) -> Pass:
    generator = Generator(style.card.generator)
    generator.load_state_dict({name: torch.from_numpy(a) for name, a in by_pixel(read_weights(style)).items()})
    generator.eval().requires_grad_(False).to(dtype=torch.bfloat16, memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs lack memory_format here
    quarter, half = ((torch.from_numpy(b).bfloat16() - 127.5).permute(0, 3, 1, 2) for b in blocks)
    return lambda: generator.paint(quarter, half, shuffle_by_pixel, quickest(torch.bfloat16))


def openvino_pass(style: StyleFile, blocks: list[np.ndarray], precision: str, threads: int) -> Pass:
    openvino = import_openvino()
    weights, network = read_weights(style), style.card.generator
    ranges = ranges_of(openvino, network, weights) if precision == "int8" else None
    (model,) = Graph(openvino, network, weights, ranges).models()
    model.reshape({place: list(block.shape) for place, block in enumerate(blocks)})
    settings = {"INFERENCE_PRECISION_HINT": "bf16", "INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1}
    request = openvino.Core().compile_model(model, "CPU", settings).create_infer_request()
    for place, block in enumerate(blocks):
        request.set_input_tensor(place, openvino.Tensor(block))
    return lambda: request.infer()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clip", default="samples/valley.mp4")
    parser.add_argument("--style", default="ink")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    keep_freed_memory()
    style = find_style(options.style)
    picture = cv2.resize(next(read_frames(open_clip(options.clip))).source, (1280, 720))
    blocks = [unshuffled(np.ascontiguousarray(picture, np.uint8)[None], step) for step in STEPS]
    matrix = torch.randn(EDGE, EDGE).bfloat16()
    passes: dict[str, Pass] = {
        "product": lambda: matrix @ matrix,
        "torch bf16": torch_pass(style, blocks),
        "OpenVINO bf16": openvino_pass(style, blocks, "bf16", options.threads),
        "OpenVINO int8": openvino_pass(style, blocks, "int8", options.threads),
    }
    times: dict[str, list[float]] = {name: [] for name in passes}
    ends = time.perf_counter() + options.seconds
    with torch.inference_mode():
        while time.perf_counter() < ends:
            for name, run in passes.items():
                began = time.perf_counter()
                run()
                times[name].append(1e3 * (time.perf_counter() - began))
    rows = np.array(list(times.values())).T[2:]  # the first rounds fetch memory
    print(f"{options.threads} threads; {', '.join(sorted(cpu_flags() & (BF16_FLAGS | INT8_FLAGS)))}")
    print(f"| the product, TFLOP/s | rounds | {' | '.join(name + ', ms' for name in list(passes)[1:])} |")
    print("|---" * (len(passes) + 1) + "|")
    speed = 2e-9 * EDGE**3 / rows[:, 0]
    for group in np.array_split(np.argsort(-speed), GROUPS):
        middle = " | ".join(f"{one:.1f}" for one in np.median(rows[group, 1:], 0))
        print(f"| {speed[group].max():.2f} to {speed[group].min():.2f} | {len(group)} | {middle} |")
    print(f"| all | {len(rows)} | " + " | ".join(f"{one:.1f}" for one in np.median(rows[:, 1:], 0)) + " |")


if __name__ == "__main__":
    main()
