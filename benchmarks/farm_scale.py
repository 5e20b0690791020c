"""What a farm of many hosts makes of a long film: planning measured, rendering predicted and simulated, stitching both.

    python benchmarks/farm_scale.py plan [--hours 10]       makes a long film of little pictures and plans it
    python benchmarks/farm_scale.py stitch [--parts 50 100 200]   what a part costs the stitch, beside its bytes
    python benchmarks/farm_scale.py simulate [--parts 10000 --frames 660 --rate 6.3 --start 4 ...]

The simulation plays every part: a host takes the next one, starts a process, paints warm-up and frames, and may be a
slow host, meet a slow part, or be lost, whereupon the part goes to the next free one. Times are seconds; all draws come
from one seed.
"""

from __future__ import annotations

import argparse
import heapq
import math
import random
import resource
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, fields
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

WORKERS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


@dataclass(frozen=True)
class Farm:
    """What is assumed of hosts and parts."""

    parts: int = 10_000
    frames: int = 1660
    """Frames of a part."""
    warm_up: int = 83
    rate: float = 11.7
    """Frames a second of one host."""
    start: float = 4.0
    """Seconds until a process paints: Python, torch, the style."""
    spread: float = 0.15
    """Standard deviation of the logarithm of a part's time: pictures differ little, neighbours on a host more."""
    slow_hosts: float = 0.05
    slow_host_factor: float = 2.0
    stragglers: float = 0.005
    """Share of parts that take `straggler_factor` times as long: a host that swaps, a disk that is full of others."""
    straggler_factor: float = 5.0
    lost: float = 0.002
    """Share of parts whose host is lost half-way."""
    part_bytes: float = 50e6
    stitch_part: float = 0.002
    """Seconds that the stitch takes for a part, beside its bytes."""
    stitch_bytes: float = 200e6
    """Bytes a second that the stitch reads or writes."""
    stitch_passes: int = 4
    """Parts are read twice, for the checksum and for the packets; the film is written, and moved for a quick start."""

    @property
    def part_seconds(self) -> float:
        """Of a part that nothing disturbs."""
        return self.start + (self.frames + self.warm_up) / self.rate

    @property
    def stitch_seconds(self) -> float:
        return self.parts * (self.stitch_part + self.stitch_passes * self.part_bytes / self.stitch_bytes)

    @property
    def work(self) -> float:
        """Host seconds of all parts, in the mean."""
        swollen = math.exp(self.spread**2 / 2)
        hosts = 1 / (1 - self.slow_hosts + self.slow_hosts / self.slow_host_factor)
        trouble = 1 + self.stragglers * (self.straggler_factor - 1) + self.lost / 2
        return self.parts * self.part_seconds * swollen * hosts * trouble


def predicted(farm: Farm, workers: int) -> float:
    """Seconds until the last part is done: all work shared out, and half an ordinary part for the ragged end."""
    return farm.work / workers + (farm.part_seconds / 2 if workers > 1 else 0)


def simulated(farm: Farm, workers: int, *, again: bool, seed: int = 1) -> float:
    """Seconds until the last part is done. `again`: idle hosts paint a second time what is still being painted."""
    draw = random.Random(seed)
    speeds = [farm.slow_host_factor if draw.random() < farm.slow_hosts else 1.0 for _ in range(workers)]
    idle = list(range(workers))
    waiting, running, finished = list(range(farm.parts))[::-1], dict[int, int](), set[int]()
    ends: list[tuple[float, int, int, bool]] = []
    now = 0.0
    while len(finished) < farm.parts:
        while idle and (part := next_part(waiting, running, again=again)) is not None:
            host = idle.pop()
            seconds = farm.part_seconds * draw.lognormvariate(0, farm.spread) * speeds[host]
            seconds *= farm.straggler_factor if draw.random() < farm.stragglers else 1.0
            lost = draw.random() < farm.lost
            running[part] = running.get(part, 0) + 1
            heapq.heappush(ends, (now + (seconds / 2 if lost else seconds), host, part, lost))
        now, host, part, lost = heapq.heappop(ends)
        idle.append(host)
        if part in finished:
            continue
        running[part] -= 1
        if not lost:
            finished.add(part)
        if not lost or not running[part]:
            del running[part]
        if lost and part not in running:
            waiting.append(part)
    return now


def next_part(waiting: list[int], running: dict[int, int], *, again: bool) -> int | None:
    """A part nobody paints, else, with `again`, the one that has been painted longest by one host alone."""
    if waiting:
        return waiting.pop()
    return next((part for part, hosts in running.items() if hosts == 1), None) if again else None


def simulate(farm: Farm) -> None:
    print(f"{farm.parts} parts of {farm.frames} frames and {farm.warm_up} of warm-up: {hours(farm.part_seconds)} each")
    print("| hosts | predicted | simulated | each again at the end | of that, ideal | stitch |")
    print("|---|---|---|---|---|---|")
    for workers in WORKERS:
        once = statistics.median(simulated(farm, workers, again=False, seed=seed) for seed in (1, 2, 3))
        twice = statistics.median(simulated(farm, workers, again=True, seed=seed) for seed in (1, 2, 3))
        ideal = farm.work / workers / twice
        row = (
            workers,
            hours(predicted(farm, workers)),
            hours(once),
            hours(twice),
            f"{ideal:.0%}",
            hours(farm.stitch_seconds),
        )
        print("| " + " | ".join(map(str, row)) + " |")
    limit = farm.work / farm.stitch_seconds
    print(f"the stitch takes as long as the painting at about {limit:.0f} hosts")


def hours(seconds: float) -> str:
    """`3 d 4 h`, `5 h 12 min`, `3 min 5 s`, `40 s`."""
    units = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
    for (name, size), (below, smaller) in pairwise(units):
        if seconds >= size:
            return f"{int(seconds // size)} {name} {round(seconds % size / smaller)} {below}"
    return f"{seconds:.1f} s"


# --- measured ------------------------------------------------------------------------------------------------------


def long_film(path: Path, length: float) -> int:
    """A film of `length` hours at 25 frames a second: ten seconds of 64 × 36, again and again. Gives its frames."""
    import av
    from clips import make_clip

    once = make_clip(path.with_name("once.mp4"), size=(64, 36), frames=250, rate=25, gop=50)
    with av.open(str(once)) as source, av.open(str(path), "w") as film:
        stream = film.add_stream_from_template(source.streams.video[0])
        base = source.streams.video[0].time_base
        assert base is not None
        packets = [packet for packet in source.demux(video=0) if packet.size]
        turns, shift = round(length * 360), round(Fraction(10) / base)
        for turn in range(turns):
            for packet in packets:
                copy = av.Packet(bytes(packet))
                assert packet.pts is not None and packet.dts is not None
                copy.pts, copy.dts = packet.pts + turn * shift, packet.dts + turn * shift
                copy.duration, copy.time_base, copy.is_keyframe = packet.duration, base, packet.is_keyframe
                copy.stream = stream
                film.mux_one(copy)
    return turns * 250


def measure_plan(length: float) -> None:
    from tiny_style import make_style

    from vidfx.parts.plan import load, plan, to_json
    from vidfx.settings import Job, Machine

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        style = make_style(folder / "style")
        for suffix in (".mp4", ".mkv"):
            began = time.perf_counter()
            frames = long_film(folder / f"long{suffix}", length)
            made = time.perf_counter() - began
            film = folder / f"long{suffix}"
            job = Job(source=film, output=folder / f"out{suffix}", style=str(style), machine=Machine(device="cpu"))
            wall, cpu = time.perf_counter(), time.process_time()
            planned = plan(job, part_frames=90)
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            assert planned.total == frames
            (folder / "job.json").write_bytes(to_json(planned))
            began = time.process_time()
            load(folder / "job.json")
            read, size = time.process_time() - began, (folder / "job.json").stat().st_size
            print(
                f"{suffix}: {frames} frames ({film.stat().st_size / 1e6:.0f} MB, made in {made:.0f} s) planned as "
                f"{len(planned.parts)} parts in {wall:.1f} s ({cpu:.1f} s CPU); job.json {size / 1e6:.1f} MB, "
                f"read in {read:.2f} s CPU; peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB"
            )


def measure_stitch(counts: list[int]) -> None:
    """CPU and wall time of a stitch by parts, on pictures so small that their bytes are nothing."""
    from clips import make_clip
    from tiny_style import make_style

    from vidfx.parts.plan import plan
    from vidfx.parts.stitch import stitch
    from vidfx.parts.work import render_part
    from vidfx.settings import Encode, Job, Look, Machine
    from vidfx.styles.stylizer import load_style

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        style = str(make_style(folder / "style"))
        machine = Machine(device="cpu", threads=1, precision="fp32")
        loaded = load_style(style, machine=machine)
        for count in counts:
            film = make_clip(folder / f"{count}.mp4", size=(64, 36), frames=4 * count, rate=25, gop=48)
            job = Job(
                source=film,
                output=folder / f"out{count}.mp4",
                style=style,
                look=Look(smooth=0),
                encode=Encode(preset="ultrafast"),
                machine=machine,
            )
            planned, parts = plan(job, part_frames=4), folder / f"parts{count}"
            began = time.process_time()
            for part in planned.parts:
                render_part(planned, part.index, parts, stylizer=loaded)
            painted = time.process_time() - began
            wall, cpu = time.perf_counter(), time.process_time()
            stitch(planned, parts)
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            print(
                f"{count} parts: stitched in {wall:.2f} s ({cpu:.2f} s CPU, {1e3 * cpu / count:.2f} ms a part); "
                f"painting {1e3 * painted / count:.0f} ms CPU a part of 4 frames"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("plan").add_argument("--hours", type=float, default=10)
    commands.add_parser("stitch").add_argument("--parts", type=int, nargs="+", default=[50, 100, 200])
    farm = commands.add_parser("simulate")
    for field in fields(Farm):
        farm.add_argument(f"--{field.name.replace('_', '-')}", type=type(field.default), default=field.default)
    arguments = vars(parser.parse_args())
    command = arguments.pop("command")
    if command == "plan":
        measure_plan(arguments["hours"])
    elif command == "stitch":
        measure_stitch(arguments["parts"])
    else:
        simulate(Farm(**arguments))


if __name__ == "__main__":
    main()
