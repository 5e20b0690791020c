"""`vidfx batch --engine ray`: a real cluster on one machine, and what travels to hosts that share no folder."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clips import make_clip, make_sequence
from films import LOSSLESS, TORCH, largest_step, pictures
from tiny_style import make_style

import vidfx
from vidfx import Machine
from vidfx.cli import main
from vidfx.farm import freight
from vidfx.farm.ray import _needs_of, needs
from vidfx.farm.tasks import Painted, PaintPart, carried_out, cut_up
from vidfx.parts.packets import part_path, read_part
from vidfx.parts.plan import plan
from vidfx.parts.stitch import stitch
from vidfx.settings import Job, Look

ROOT = Path(__file__).resolve().parents[1]
JOBS = """
output = "painted"
[[clip]]
source = "clip.mkv"
style = "style"
codec = "ffv1"
pix-fmt = "bgr0"
device = "cpu"
runtime = "torch"
precision = "fp32"
threads = 1
"""


@pytest.fixture(autouse=True)
def place(alone: None) -> None:
    """A style and a job file to stand beside."""
    make_style(Path("style"))
    Path("jobs.toml").write_text(JOBS)


def test_without_ray_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    make_clip("clip.mkv", size=(64, 48), frames=4)
    assert main(["batch", "jobs.toml", "--engine", "ray"]) == 69
    assert "pip install 'vidfx[farm]'" in capsys.readouterr().err


class Store:
    """An object store: what is put in comes out, and nothing else is shared."""

    def __init__(self) -> None:
        self.things: list[Any] = []

    def put(self, thing: Any) -> int:
        self.things.append(thing)
        return len(self.things) - 1

    def get(self, reference: int) -> Any:
        return self.things[reference]


@pytest.mark.parametrize("source", ["clip.mkv", "shot.%04d.png"])
def test_what_travels_comes_back_as_if_painted_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    """A film and numbered pictures, to a host where nothing of this folder is in its place."""
    make_clip("clip.mkv", size=(64, 48), frames=6)
    make_sequence(Path(), frames=6)
    suffix = source.removeprefix("clip").removeprefix("shot")
    job = Job(source=Path(source), output=Path(f"out{suffix}"), style="style", encode=LOSSLESS, machine=TORCH)
    planned = plan(job, part_frames=3)
    folder = Path("parts")
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "host"))
    monkeypatch.setattr(freight, "PIECE", 1000)
    (tmp_path / "host").mkdir()
    store = Store()
    for part in planned.parts:
        task = PaintPart(film=0, folder=folder, plan=planned, part=part.index)
        load = freight.load(task, "objects", store.put)
        assert not freight.is_shared(load, job)
        there = replace(task, plan=store.get(load.plan))
        with freight.arrived(load, there, store.get) as here:
            assert here.job.source.is_relative_to(tmp_path / "host")
            assert carried_out(here, TORCH, lambda _: None) == Painted()
            files = freight.pack(here)
        freight.unpack(files, task)
    assert len(store.things) > 4
    stitch(planned, folder)
    vidfx.render(source, f"single{suffix}", style="style", encode=LOSSLESS, machine=TORCH)
    assert np.array_equal(pictures(f"out{suffix}"), pictures(f"single{suffix}"))


def test_every_host_paints_in_the_runtime_of_the_plan() -> None:
    """`auto` would be another one on a host with a GPU, or without OpenVINO."""
    make_clip("clip.mkv", size=(64, 48), frames=6)
    job = Job(source=Path("clip.mkv"), output=Path("out.mkv"), style="style", machine=Machine(device="cpu"))
    planned = replace(cut_up(job, None, notify=lambda _: None), runtime="torch", precision="fp32")
    store = Store()
    carried = store.get(freight.load(PaintPart(film=0, folder=Path(), plan=planned, part=0), "objects", store.put).plan)
    host = Machine(threads=1)
    task = PaintPart(film=0, folder=Path("parts"), plan=carried, part=0)
    assert carried_out(task, host, lambda _: None) == Painted()
    part = read_part(part_path(Path("parts"), 0))
    assert part is not None and "torch, fp32" in part.ran_on
    assert _needs_of(replace(task, plan=replace(carried, runtime="openvino")), {"GPU": 2})["num_gpus"] == 0


@pytest.mark.parametrize(
    ("machine", "gpus"),
    [
        (Machine(), 1),
        (Machine(runtime="torch", precision="fp32"), 1),
        (Machine(device="cuda"), 1),
        (Machine(device="cpu"), 0),
        (Machine(runtime="openvino"), 0),
        (Machine(precision="int8"), 0),
    ],
)
def test_a_part_takes_a_gpu_only_where_its_plan_can_use_one(machine: Machine, gpus: int) -> None:
    assert needs(machine, {"CPU": 8, "GPU": 2}) == {"num_cpus": 1, "num_gpus": gpus}


@pytest.mark.parametrize("missing", ["style", "matte", "clip.mkv"])
def test_a_host_that_lacks_a_file_does_not_share_the_folder(missing: str) -> None:
    make_clip("clip.mkv", size=(64, 48), frames=6)
    Path("matte").mkdir()
    make_sequence(Path("matte"), frames=6, size=(64, 48))
    look = Look(matte=Path("matte/shot.%04d.png"))
    job = Job(source=Path("clip.mkv"), output=Path("out.mkv"), style="style", look=look, machine=TORCH)
    Path("parts").mkdir()
    store = Store()
    task = PaintPart(film=0, folder=Path("parts"), plan=plan(job), part=0)
    load = freight.load(task, "auto", store.put)
    carried = store.get(load.plan).job
    assert freight.is_shared(load, carried)
    Path(missing).rename("elsewhere")
    assert not freight.is_shared(load, carried)


def test_a_host_that_sees_the_sign_shares_the_folder() -> None:
    make_clip("clip.mkv", size=(64, 48), frames=6)
    job = Job(source=Path("clip.mkv"), output=Path("out.mkv"), style="style", encode=LOSSLESS, machine=TORCH)
    Path("parts").mkdir()
    task = PaintPart(film=0, folder=Path("parts"), plan=plan(job), part=0)
    load = freight.load(task, "auto", Store().put)
    assert freight.is_shared(load, job)
    assert load.sign is not None
    load.sign.unlink()
    assert not freight.is_shared(load, job)


@pytest.mark.slow
@pytest.mark.parametrize("share", ["objects", "auto"])
def test_a_host_that_is_lost_in_mid_job_costs_nothing_but_time(share: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three hosts; one is taken away once the first part is done. The film is that of the single pass."""
    pytest.importorskip("ray", reason="Ray is an extra and is not installed")
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_worker_niceness", "0")  # 15 by default: on a busy machine the test would never end
    make_clip("clip.mkv", size=(64, 48), frames=30, gop=12, audio="aac")
    host = {"num_cpus": 1, "object_store_memory": 80 << 20}
    cluster = Cluster(initialize_head=True, head_node_args=host | {"include_dashboard": False})
    try:
        doomed = [cluster.add_node(**host), cluster.add_node(**host)][1]
        command = [
            sys.executable,
            "-m",
            "vidfx",
            "batch",
            "jobs.toml",
            "--engine",
            "ray",
            "--part-frames",
            "4",
            "--json",
        ]
        command += ["--address", cluster.address, "--share", share, "--progress", "lines"]
        batch = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while batch.poll() is None and not list(Path("painted").glob(".clip*/part-*")):
            time.sleep(0.1)
        assert batch.poll() is None, batch.communicate()
        cluster.remove_node(doomed, allow_graceful=False)
        out, err = batch.communicate(timeout=1200)
    finally:
        cluster.shutdown()
    assert batch.returncode == 0, err
    assert json.loads(out)["films"][0]["state"] == "done"
    vidfx.render("clip.mkv", "single.mkv", style="style", encode=LOSSLESS, machine=TORCH)
    assert largest_step("painted/clip.tiny.mkv", "single.mkv") <= 1
