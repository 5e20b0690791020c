"""What a container may use of its machine, by the limits of Linux's control groups: the cores it sees are the host's.

Version 2 has one tree, version 1 one for each kind of limit. A group is bound by its own limit and by those above it. A
container may see its group as the root of the tree, or the host's name of it, which it cannot follow: both are tried.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

GROUPS, MEMBERSHIP = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")


def cpu_quota() -> float | None:
    """Cores' worth of time that this process gets at most; None without a limit."""
    quotas = []
    for group in _groups("cpu"):
        with suppress(OSError, ValueError, ZeroDivisionError):
            if (group / "cpu.max").exists():
                quota, period = (group / "cpu.max").read_text().split()
            else:
                quota, period = ((group / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
            if (cores := float(quota) / float(period)) > 0:  # "max" is no number, -1 no limit
                quotas.append(cores)
    return min(quotas, default=None)


def memory_left() -> int | None:
    """Bytes until this process would be killed, file cache that can go not counted; None without a limit."""
    left = []
    for group in _groups("memory"):
        with suppress(OSError, ValueError):
            new = (group / "memory.max").exists()
            most = int((group / ("memory.max" if new else "memory.limit_in_bytes")).read_text())
            used = int((group / ("memory.current" if new else "memory.usage_in_bytes")).read_text())
            words = (group / "memory.stat").read_text().split()
            counted = dict(zip(words[::2], words[1::2], strict=False))
            cache = int(counted["inactive_file" if new else "total_inactive_file"])
            left.append(max(most - used + cache, 0))
    return min((size for size in left if size < 2**60), default=None)  # version 1 calls no limit nearly 2⁶³


def _groups(kind: str) -> Iterator[Path]:
    """The folders of the groups whose limits of this kind bind this process."""
    with suppress(OSError):
        for line in MEMBERSHIP.read_text().splitlines():
            _, kinds, path = line.split(":", 2)
            if not kinds:
                tree = GROUPS
            elif kind in kinds.split(","):
                tree = GROUPS / kind
            else:
                continue
            group = tree / path.lstrip("/")
            yield from (folder for folder in (group, *group.parents) if folder.is_relative_to(tree))
