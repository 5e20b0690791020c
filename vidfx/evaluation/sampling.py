"""A few moments out of a clip of unknown length: spread evenly, or the worst of it, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class Spread(Generic[T]):
    """Keeps every n-th item, and doubles n when there are too many."""

    capacity: int
    items: list[tuple[int, T]] = field(default_factory=list)
    _stride: int = 1
    _count: int = 0

    def offer(self, make: Callable[[], T]) -> None:
        """`make` is called only if its item is wanted."""
        if self._count % self._stride == 0:
            self.items.append((self._count, make()))
            if len(self.items) > self.capacity:
                self._stride *= 2
                self.items = [item for item in self.items if item[0] % self._stride == 0]
        self._count += 1

    def chosen(self, count: int) -> list[T]:
        """At most `count` of them, from the middle of as many equal stretches."""
        places = [len(self.items) * (2 * i + 1) // (2 * count) for i in range(min(count, len(self.items)))]
        return [self.items[place][1] for place in places]


@dataclass(slots=True)
class Worst(Generic[T]):
    """Keeps the items of highest score that lie apart from each other."""

    capacity: int
    apart: int
    """Frames; of two that lie closer, only the worse is kept."""
    items: list[tuple[float, int, T]] = field(default_factory=list)
    """Score, index, item; worst first."""

    def offer(self, score: float, index: int, make: Callable[[], T]) -> None:
        """`make` is called only if its item is wanted."""
        near = [item for item in self.items if abs(item[1] - index) < self.apart]
        if any(item[0] >= score for item in near):
            return
        if not near and len(self.items) == self.capacity and score <= self.items[-1][0]:
            return
        kept = [item for item in self.items if item not in near]
        self.items = sorted([*kept, (score, index, make())], key=lambda item: -item[0])[: self.capacity]
