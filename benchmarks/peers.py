"""vidfx against VapourSynth: the same generator, film and encoder settings, in turns.

    pip install onnx                                                        # beside vidfx and torch
    python -m venv peer && peer/bin/pip install vapoursynth vapoursynth-mlrt-ov vapoursynth-bestsource
    python benchmarks/peers.py samples/valley.mp4 --vspipe peer/bin/vspipe

VapourSynth decodes with BestSource, paints with vs-mlrt's OpenVINO plugin from an ONNX file of the style, and pipes
frames to ffmpeg, which encodes and copies the sound. It smooths nothing and makes the frame rate constant. Both sides
are timed from start to finished file; of the settings named below the peer's quickest counts. Medians of --rounds.
"""

from __future__ import annotations

import argparse
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import av
import torch
from torch import Tensor, nn

from vidfx.styles.generator import Generator, GeneratorConfig
from vidfx.styles.library import find_style
from vidfx.styles.weights import read_weights

SCRIPT = """
import os, vapoursynth
core = vapoursynth.core
core.num_threads = int(os.environ["PEER_THREADS"])
clip = core.bs.VideoSource({clip!r}, cachemode=0)
clip = core.resize.Bicubic(clip, format=vapoursynth.RGBS, matrix_in=1)
clip = core.ov.Model([clip], {model!r}, device="CPU", num_streams=int(os.environ["PEER_STREAMS"]))
core.resize.Bicubic(clip, format=vapoursynth.YUV420P8, matrix=1).set_output()
"""
SETTINGS = (("2", "1"), ("2", "2"), ("4", "2"))
"""Threads and streams of the peer."""


class Picture(nn.Module):
    """A generator with one input, as an ONNX file has it."""

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, x: Tensor) -> Tensor:
        painted: Tensor = self.generator(x)
        return painted


def export(style: str, size: tuple[int, int], output: Path) -> None:
    """Writes a style's generator for pictures of height × width as ONNX."""
    found = find_style(style)
    generator = Generator(GeneratorConfig(**found.card.generator.model_dump()))
    generator.load_state_dict({name: torch.from_numpy(values) for name, values in read_weights(found).items()})
    picture = torch.rand(1, 3, *size)
    torch.onnx.export(Picture(generator).eval(), (picture,), str(output), dynamo=False, opset_version=17)


def seconds(command: str, **environment: str) -> float:
    began = time.perf_counter()
    subprocess.run(["bash", "-o", "pipefail", "-c", command], check=True, env=os.environ | environment)
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path, help="a film whose sides are multiples of 8")
    parser.add_argument("--vspipe", type=Path, required=True)
    parser.add_argument("--style", default="ink")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with av.open(str(options.clip)) as file:
        stream = file.streams.video[0]
        size, frames = (stream.height, stream.width), sum(packet.size > 0 for packet in file.demux(stream))
    with tempfile.TemporaryDirectory() as folder:
        model, script, out = (Path(folder) / name for name in ("model.onnx", "peer.vpy", "out.mp4"))
        export(options.style, size, model)
        script.write_text(SCRIPT.format(clip=str(options.clip.resolve()), model=str(model)))
        clip, film = shlex.quote(str(options.clip)), shlex.quote(str(out))
        encode = f"-map 0:v -map 1:a? -c:a copy -c:v libx264 -preset veryfast -crf 18 {film}"
        piped = f"{options.vspipe} -c y4m {script} - 2>/dev/null | ffmpeg -v error -y -i - -i {clip} {encode}"
        render = f"{sys.executable} -m vidfx render {clip} --style {options.style} -preset veryfast -y -q -o {film}"
        runs = {
            "vidfx": (render, {}),
            "vidfx --smooth 0": (f"{render} --smooth 0", {}),
            "vidfx --smooth 0 --precision bf16": (f"{render} --smooth 0 --precision bf16", {}),
        } | {
            f"VapourSynth, {threads} threads, {streams} streams": (
                piped,
                {"PEER_THREADS": threads, "PEER_STREAMS": streams},
            )
            for threads, streams in SETTINGS
        }
        took: dict[str, list[float]] = {name: [] for name in runs}
        for _ in range(options.rounds):
            for name, (command, environment) in runs.items():
                took[name].append(seconds(command, **environment))
    rates = {name: frames / statistics.median(times) for name, times in took.items()}
    best = max(rate for name, rate in rates.items() if name.startswith("VapourSynth"))
    print("| what | frames/s | against VapourSynth's best |\n|---|---|---|")
    for name, rate in rates.items():
        print(f"| {name} | {rate:.2f} | {rate / best:.2f} |")


if __name__ == "__main__":
    main()
