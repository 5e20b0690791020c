"""Pictures for training: content with the teacher's answer, and style crops, drawn alike on every run.

A batch depends on the recipe's seed and on its step alone: a run that was killed goes on with the very same crops.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
import torch
from torch import Tensor

from vidfx.errors import UsageError
from vidfx.frames import Field, Map, Picture
from vidfx.notices import Notify
from vidfx.training.neighbours import Later
from vidfx.training.pictures import DRAWN_LARGE, LONGEST, answer, expose, read_content, read_style, treat_style
from vidfx.training.recipe import ContentSource, Recipe, StyleSource
from vidfx.training.teachers import Teacher

CPU = torch.device("cpu")
BORDER = 16
"""Pixels around a crop that the generator sees but that are not judged; also the padding of a rendered frame."""
SLACK = 8
"""Further pixels around, for the small motions of the steadiness loss."""
VERSIONS = 2
"""At how many sizes and exposures each content picture is kept."""
PLAIN = 256
"""Plain colours that the teacher is asked for."""
MOST_ENLARGED = 4
"""Times; a content picture that is smaller is a blur at the size of a crop."""
_TEACHER_DRAWS = "the teacher draws every picture, up to some seconds each"
T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True, slots=True)
class Content:
    """One content picture at one size and exposure."""

    picture: Picture
    answer: Picture
    """The teacher's picture of it."""
    later: Later | None
    """Of film: the scene a moment later."""


@dataclass(frozen=True, slots=True)
class Batch:
    content: Tensor
    """N × 3 × S × S in 0..1, S = crop + 2 × (BORDER + SLACK)."""
    answer: Tensor
    """The teacher's picture of it, N × 3 × crop × crop."""
    style: Tensor
    """N × 3 × crop × crop, unrelated to the content."""
    later: Tensor
    """The content a moment later, N × 3 × S × S; itself where it is a photograph."""
    flow: Tensor
    """From each pixel of `later` to its place in `content`, N × 2 × S × S, px."""
    trust: Tensor
    """How far `flow` can be believed, N × 1 × S × S, 0 to 1; 0 all over a photograph."""


class TrainingData:
    """Holds every picture of a recipe in memory and draws batches from them."""

    def __init__(self, recipe: Recipe, root: Path, notify: Notify, device: torch.device = CPU) -> None:
        """`device`: where batches are to lie. Raises MissingInput and UsageError for what the recipe names."""
        self.recipe, self._device = recipe, device
        self.edge = recipe.crop + 2 * (BORDER + SLACK)
        self.style = [self._load_style(source, root, notify) for source in recipe.style]
        self.content = [self._load_content(source, n, root, notify) for n, source in enumerate(recipe.content)]
        asked = recipe.adversarial.steps and recipe.adversarial.losses.plain
        self.plain = plain_colours(recipe.warm_start.draw, recipe.seed) if asked else None
        """Plain colours and the teacher's answers, for the loss `plain`."""

    def _load_style(self, source: StyleSource, root: Path, notify: Notify) -> list[Picture]:
        def treat(picture: Picture) -> Picture:
            return treat_style(picture, source, self.recipe.warm_start.draw)

        if source.treat == "teacher":
            notify(f"{source.path}: {_TEACHER_DRAWS}")
        pictures = _side_by_side(treat, read_style(source, root, notify, partial(_unfit_style, source)))
        if not pictures:
            named = (
                "what `hold_out` and `leave_out` name is not trained on; " if source.hold_out + source.leave_out else ""
            )
            raise UsageError(
                f"{source.path}: no picture is left to train on", hint=f"{named}the lines above say what was skipped"
            )
        return pictures

    def _load_content(self, source: ContentSource, number: int, root: Path, notify: Notify) -> list[Content]:
        """Each picture at VERSIONS sizes and exposures, with the teacher's answer."""

        def prepare(job: tuple[int, tuple[Picture, Picture | None]]) -> list[Content]:
            index, (picture, later) = job
            random = np.random.default_rng((self.recipe.seed, number, index))
            return [self._version(source, picture, later, random) for _ in range(VERSIONS)]

        notify(f"{source.path}: {_TEACHER_DRAWS}")
        found = read_content(source, root, notify, partial(self._unfit_content, source))
        prepared = _side_by_side(prepare, enumerate(found))
        if not prepared:
            raise UsageError(f"{source.path}: no picture can be trained on", hint="the lines above say why")
        return [version for versions in prepared for version in versions]

    def _unfit_content(self, source: ContentSource, picture: Picture) -> str:
        short, long = sorted(picture.shape[:2])
        if short * MOST_ENLARGED < self.edge:
            return f"{picture.shape[1]} × {picture.shape[0]} px is too small for a crop of {self.recipe.crop} px"
        height = max(source.height * source.scale[1], self.edge + 1)
        return "too long and thin: cut it into pieces" if long / short * height > LONGEST * self.recipe.stroke else ""

    def _version(
        self, source: ContentSource, picture: Picture, later: Picture | None, random: np.random.Generator
    ) -> Content:
        factor = source.height * random.uniform(*source.scale) / min(picture.shape[:2])
        factor = max(factor, (self.edge + 1) / min(picture.shape[:2]))
        size = (round(picture.shape[1] * factor), round(picture.shape[0] * factor))
        how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
        both = [picture] if later is None else [picture, later]
        graded = expose(np.stack([cv2.resize(one, size, interpolation=how) for one in both]).astype(np.uint8), random)
        neighbour = None if later is None else Later.of(graded[0], graded[1])
        return Content(graded[0], answer(self.recipe.warm_start.draw, graded[0], self.recipe.stroke), neighbour)

    def batch(self, step: int) -> Batch:
        """The batch of a step, always the same one."""
        random = np.random.default_rng((self.recipe.seed, 7, step))
        crops = [self._content_crop(random) for _ in range(self.recipe.batch)]
        content, answers, later, flow, trust = zip(*crops, strict=True)
        style = [self._style_crop(random) for _ in range(self.recipe.batch)]
        return Batch(
            content=to_tensor(content, self._device),
            answer=to_tensor(answers, self._device),
            style=to_tensor(style, self._device),
            later=to_tensor(later, self._device),
            flow=torch.from_numpy(np.stack(flow)).to(self._device).permute(0, 3, 1, 2).contiguous(),
            trust=torch.from_numpy(np.stack(trust)).to(self._device)[:, None],
        )

    def examples(self, count: int) -> list[Picture]:
        """At most `count` content pictures to show a style on, none twice: from each source in turn, over all of it."""
        found = []
        for n in range(count):
            group = self.content[n % len(self.content)]
            turns = min(len(range(n % len(self.content), count, len(self.content))), len(group) // VERSIONS)
            turn = n // len(self.content)
            if turn < turns:
                found.append(group[(2 * turn + 1) * len(group) // (2 * turns)].picture)
        return found

    def style_batches(self, count: int) -> Iterator[Tensor]:
        """Style crops alone, for the style's statistics."""
        random = np.random.default_rng((self.recipe.seed, 11))
        for _ in range(count):
            yield to_tensor([self._style_crop(random) for _ in range(self.recipe.batch)], self._device)

    def _content_crop(self, random: np.random.Generator) -> tuple[Picture, Picture, Picture, Field, Map]:
        """Content, the teacher's picture of it, what came of it, along which flow, and how surely."""
        group = self.content[draw(random, [s.share for s in self.recipe.content])]
        whole = group[random.integers(len(group))]
        y = int(random.integers(whole.picture.shape[0] - self.edge + 1))
        x = int(random.integers(whole.picture.shape[1] - self.edge + 1))
        inner, edge = BORDER + SLACK, self.recipe.crop
        content = whole.picture[y : y + self.edge, x : x + self.edge]
        answer = whole.answer[y + inner : y + inner + edge, x + inner : x + inner + edge]
        if whole.later is None:
            still = np.zeros((self.edge, self.edge, 2), np.float32)
            later, flow, trust = content, still, still[..., 0]
        else:
            later, flow, trust = whole.later.crop(x, y, self.edge)
        if random.random() < 0.5:
            return content, answer, later, flow, trust
        mirrored = (one[:, ::-1] for one in (content, answer, later, flow * np.array([-1, 1], np.float32), trust))
        return tuple(mirrored)  # type: ignore[return-value]  # five in, five out

    def _style_crop(self, random: np.random.Generator) -> Picture:
        number = draw(random, [s.share for s in self.recipe.style])
        source, group = self.recipe.style[number], self.style[number]
        picture = group[random.integers(len(group))]
        wanted = int(random.integers(source.crop[0], source.crop[1] + 1) / self.recipe.stroke)
        edge = min(wanted, *picture.shape[:2])
        y = random.integers(picture.shape[0] - edge + 1)
        x = random.integers(picture.shape[1] - edge + 1)
        how = cv2.INTER_AREA if edge > self.recipe.crop else cv2.INTER_CUBIC
        crop = cv2.resize(picture[y : y + edge, x : x + edge], (self.recipe.crop, self.recipe.crop), interpolation=how)
        return np.asarray(crop[:, ::-1] if random.random() < 0.5 else crop, np.uint8)


def _unfit_style(source: StyleSource, picture: Picture) -> str:
    times = DRAWN_LARGE if source.treat == "teacher" else 1
    height, width = (times * (edge - 2 * round(edge * source.trim)) for edge in picture.shape[:2])
    if min(height, width) < source.crop[0]:
        return f"{picture.shape[1]} × {picture.shape[0]} px is smaller than the crop of {source.crop[0]} px" + (
            f", also drawn {times} times as large" if times > 1 else ""
        )
    return "too long for a teacher: cut it into pieces" if times > 1 and max(height, width) > LONGEST else ""


def plain_colours(teacher: Teacher, seed: int) -> tuple[Tensor, Tensor]:
    """Colours, and what the teacher makes of a wall of each: two tensors of PLAIN × 3, 0..1."""
    random = np.random.default_rng((seed, 13))
    colours = random.integers(0, 256, (PLAIN, 3), np.uint8)
    colours[::2] = (colours[::2] * 0.35 + colours[::2, :1] * 0.65).astype(np.uint8)  # half of them nearly grey
    walls = (np.broadcast_to(colour, (96, 96, 3)).copy() for colour in colours)
    answers = np.stack([teacher(wall)[48, 48] for wall in walls])
    return torch.from_numpy(colours).float() / 255, torch.from_numpy(answers).float() / 255


def draw(random: np.random.Generator, shares: list[float]) -> int:
    """An index, by weight."""
    return int(random.choice(len(shares), p=np.array(shares) / sum(shares)))


def to_tensor(pictures: Iterable[Picture], device: torch.device = CPU) -> Tensor:
    """N × 3 × H × W, float, 0..1, laid out channels last; they travel to the device as bytes."""
    stack = torch.from_numpy(np.stack(list(pictures))).to(device).permute(0, 3, 1, 2)
    return (stack.float() / 255).contiguous(memory_format=torch.channels_last)


def _side_by_side(work: Callable[[T], U], items: Iterable[T]) -> list[U]:
    """`work` of each item, in their order, on as many threads as torch has."""
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        return list(pool.map(work, items))
