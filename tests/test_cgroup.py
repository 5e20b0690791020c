"""What a container may use of its machine; at the end, a group that is limited for real."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from vidfx import cgroup, machine

MIB = 2**20
NEW = "0::/pod/it\n"
OLD = "4:memory:/docker/1\n3:cpuset:/docker/1\n2:cpu,cpuacct:/docker/1\n1:name=systemd:/docker/1\n0::/docker/1\n"


def limit(monkeypatch: pytest.MonkeyPatch, folder: Path, membership: str, files: dict[str, str]) -> None:
    """Makes this process a member of groups that lie in a folder."""
    for name, text in files.items():
        (folder / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "tree" / name).write_text(text + "\n")
    (folder / "cgroup").write_text(membership)
    monkeypatch.setattr(cgroup, "GROUPS", folder / "tree")
    monkeypatch.setattr(cgroup, "MEMBERSHIP", folder / "cgroup")


@pytest.mark.parametrize(
    ("membership", "files", "cores"),
    [
        (NEW, {"pod/it/cpu.max": "150000 100000"}, 1.5),
        (NEW, {"pod/it/cpu.max": "max 100000", "pod/cpu.max": "200000 100000"}, 2),  # the group above is limited
        (NEW, {"pod/it/cpu.max": "400000 100000", "pod/cpu.max": "200000 100000"}, 2),
        (NEW, {"cpu.max": "50000 100000"}, 0.5),  # the host's name of the group, which cannot be followed inside
        (NEW, {"pod/it/cpu.max": "max 100000"}, None),
        (NEW, {"pod/it/cpu.max": "what is this"}, None),
        (OLD, {"cpu/docker/1/cpu.cfs_quota_us": "300000", "cpu/docker/1/cpu.cfs_period_us": "100000"}, 3),
        (OLD, {"cpu/cpu.cfs_quota_us": "300000", "cpu/cpu.cfs_period_us": "100000"}, 3),
        (OLD, {"cpu/docker/1/cpu.cfs_quota_us": "-1", "cpu/docker/1/cpu.cfs_period_us": "100000"}, None),
        (OLD, {}, None),
        ("", {}, None),
    ],
)
def test_time(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, membership: str, files: dict[str, str], cores: float | None
) -> None:
    limit(monkeypatch, tmp_path, membership, files)
    assert cgroup.cpu_quota() == cores


@pytest.mark.parametrize(
    ("membership", "files", "left"),
    [
        (NEW, ("pod/it/memory.max", "pod/it/memory.current", "pod/it/memory.stat", "inactive_file"), 600),
        (OLD, ("memory/docker/1/memory.limit_in_bytes", "memory/docker/1/memory.usage_in_bytes",
               "memory/docker/1/memory.stat", "total_inactive_file"), 600),
    ],
)  # fmt: skip
def test_memory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, membership: str, files: tuple[str, ...], left: int
) -> None:
    most, used, stat, cache = files
    texts = {most: str(1000 * MIB), used: str(500 * MIB), stat: f"anon {400 * MIB}\n{cache} {100 * MIB}"}
    limit(monkeypatch, tmp_path, membership, texts)
    assert cgroup.memory_left() == left * MIB
    limit(monkeypatch, tmp_path, membership, {most: str(2**63 - 4096) if membership == OLD else "max"})
    assert cgroup.memory_left() is None


def test_where_nobody_says_nothing_is_limited(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(cgroup, "MEMBERSHIP", tmp_path / "none")
    assert cgroup.cpu_quota() is None and cgroup.memory_left() is None


def test_threads_go_by_what_is_given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An encoder counts cores itself, which is right only where nothing limits it."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
    for quota, cores, of_encoder in (("max 100000", 64, 0), ("150000 100000", 2, 2), ("9900000 100000", 64, 0)):
        limit(monkeypatch, tmp_path, NEW, {"pod/it/cpu.max": quota})
        assert (machine.available_cores(), machine.encoder_threads()) == (cores, of_encoder)


@pytest.fixture
def half_a_core() -> Iterator[Path]:
    """The list of the processes of a real group that is given half of a core's time."""
    old = Path("/sys/fs/cgroup/cpu")
    group = (old if old.is_dir() else Path("/sys/fs/cgroup")) / f"vidfx-test-{os.getpid()}"
    try:
        group.mkdir()
    except OSError:
        pytest.skip("no group of its own can be made here")
    try:
        with suppress(OSError):
            (group / "cpu.cfs_quota_us" if old.is_dir() else group / "cpu.max").write_text("50000")
        if not any((group / name).exists() for name in ("cpu.cfs_quota_us", "cpu.max")):
            pytest.skip("groups here do not limit time")
        yield group / "cgroup.procs"
    finally:
        group.rmdir()


def test_a_real_limit_is_found(half_a_core: Path) -> None:
    code = (
        "import os, sys; open(sys.argv[1], 'w').write(str(os.getpid()));"
        "from vidfx import cgroup, machine; print(cgroup.cpu_quota(), machine.available_cores())"
    )
    said = subprocess.run([sys.executable, "-c", code, half_a_core], capture_output=True, text=True, check=True).stdout
    assert said.split() == ["0.5", "1"]
