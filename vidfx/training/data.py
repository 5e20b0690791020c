"""Pictures for training: content with the teacher's answer, and style crops, drawn alike on every run.

A batch depends on the recipe's seed and on its step alone: a run that was killed goes on with the very same crops.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from vidfx.disk import for_ffmpeg
from vidfx.errors import MissingInput, UsageError
from vidfx.frames import Picture
from vidfx.training.recipe import ContentSource, Recipe, StyleSource
from vidfx.training.teachers import TEACHERS, Teacher
from vidfx.training.teachers.ink import INK, PAPER

PICTURES = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp"}
CLIPS = {".mp4", ".mkv", ".webm", ".mov", ".avi"}
BORDER = 16
"""Pixels around a crop that the generator sees but that are not judged; also the padding of a rendered frame."""
SLACK = 8
"""Further pixels around, for the small motions of the steadiness loss."""
VERSIONS = 2
"""At how many sizes and exposures each content picture is kept."""
PLAIN = 256
"""Plain colours that the teacher is asked for."""
Notify = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Batch:
    content: Tensor
    """N × 3 × S × S in 0..1, S = crop + 2 × (BORDER + SLACK)."""
    teacher: Tensor
    """The teacher's picture of it, N × 3 × crop × crop."""
    style: Tensor
    """N × 3 × crop × crop, unrelated to the content."""


def find(root: Path, pattern: str, suffixes: set[str]) -> list[Path]:
    """Files under a folder or matching a glob, sorted. Raises MissingInput if there is none."""
    base = root / pattern
    found = sorted(base.iterdir()) if base.is_dir() else sorted(root.glob(pattern)) if not base.is_file() else [base]
    found = [p for p in found if p.suffix.lower() in suffixes]
    if not found:
        raise MissingInput(f"no pictures or clips at {base}", hint="paths in a recipe are relative to --data")
    return found


def read_pictures(paths: Iterable[Path], notify: Notify) -> Iterator[Picture]:
    """RGB pictures; what cannot be read is skipped and named."""
    for path in paths:
        picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if picture is None:
            notify(f"skipped {path}: not a readable picture")
            continue
        yield np.ascontiguousarray(picture[..., ::-1], np.uint8)


def read_clip(path: Path, every: int) -> Iterator[Picture]:
    """Every so many frames of a clip, RGB."""
    import av  # only where a recipe names a clip: pictures train without PyAV

    with av.open(for_ffmpeg(path)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number % every == 0:
                yield np.ascontiguousarray(frame.to_ndarray(format="rgb24"), np.uint8)


def read_style(source: StyleSource, root: Path, notify: Notify, *, held_out: bool = False) -> Iterator[Picture]:
    """The pictures of a style source that are trained on, or those that it holds out; as they come, untreated."""

    def listed(path: Path, names: tuple[str, ...]) -> bool:
        return any(path.match(name) for name in names)

    paths = [p for p in find(root, source.path, PICTURES | CLIPS) if not listed(p, source.leave_out)]
    for path in [p for p in paths if listed(p, source.hold_out) == held_out]:
        if path.suffix.lower() in CLIPS:
            yield from read_clip(path, source.every)
        else:
            yield from read_pictures([path], notify)


def answer(teacher: Teacher, picture: Picture, stroke: float) -> Picture:
    """The teacher's drawing of a picture with strokes `stroke` times as broad: drawn small, then enlarged."""
    if stroke == 1:
        return teacher(picture)
    height, width = picture.shape[:2]
    small = (max(round(width / stroke), 8), max(round(height / stroke), 8))
    how = cv2.INTER_AREA if stroke > 1 else cv2.INTER_CUBIC
    drawn = teacher(np.asarray(cv2.resize(picture, small, interpolation=how), np.uint8))
    how = cv2.INTER_CUBIC if stroke > 1 else cv2.INTER_AREA
    return np.asarray(cv2.resize(drawn, (width, height), interpolation=how), np.uint8)


def treat_style(picture: Picture, source: StyleSource, teacher: Teacher) -> Picture:
    """Brings a style picture to common ground: scrolls lose their brown silk, line drawings get paper."""
    if source.trim:
        dy, dx = (round(n * source.trim) for n in picture.shape[:2])
        picture = picture[dy : picture.shape[0] - dy, dx : picture.shape[1] - dx]
    if source.treat == "none":
        return picture
    if source.treat == "teacher":
        size = (
            2 * picture.shape[1],
            2 * picture.shape[0],
        )  # drawn large and seen small: a cleaner line
        return teacher(np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC), np.uint8))
    if source.treat == "levels":
        low, high = np.percentile(picture.max(2), (0.5, 99.5))
        stretched = (picture.astype(np.float32) - low * 0.8) / max(float(high - low * 0.8), 1.0)
        return np.asarray(np.rint(255 * np.clip(stretched, 0, 1) ** 0.9), np.uint8)
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    if source.treat == "scroll":
        silk = cv2.dilate(cv2.medianBlur((grey * 255).astype(np.uint8), 5), np.ones((25, 25)))
        ground = cv2.GaussianBlur(silk, (0, 0), 40)
        grey = grey / np.maximum(ground.astype(np.float32) / 255, 0.05)
        low, high = np.percentile(grey, (1, 90))
        grey = (grey - low) / max(float(high - low), 1e-3)
    grey = np.clip(grey, 0, 1)[..., None]
    if source.treat == "line":
        grey = grey**1.8  # the drawings are in mid grey; ink is blacker
    return np.asarray(np.rint(255 * (INK + (PAPER - INK) * grey)), np.uint8)


def style_pictures(recipe: Recipe, root: Path, notify: Notify) -> tuple[list[Picture], bool]:
    """The held-out pictures of a recipe, treated as in training; all of them, and False, where none is held out.

    Raises UsageError for fewer than two, MissingInput for a source that is not there.
    """
    teacher = TEACHERS[recipe.warm_start.teacher]
    for held_out in (True, False):
        pictures = [
            treat_style(picture, source, teacher)
            for source in recipe.style
            for picture in read_style(source, root, notify, held_out=held_out)
        ]
        if len(pictures) >= 2:
            return pictures, held_out
    raise UsageError(f"the recipe of '{recipe.name}' names fewer than two style pictures")


def expose(picture: Picture, random: np.random.Generator) -> Picture:
    """Another exposure and grading of the same scene: gamma, gain, saturation, now and then black and white."""
    x = (picture.astype(np.float32) / 255) ** np.float32(np.exp(random.uniform(-0.35, 0.35)))
    x = np.clip(x * random.uniform(0.85, 1.12) + random.uniform(-0.03, 0.03), 0, 1)
    grey = x @ np.array([0.299, 0.587, 0.114], np.float32)
    saturation = 0.0 if random.random() < 0.1 else random.uniform(0.6, 1.3)
    x = np.clip(grey[..., None] + saturation * (x - grey[..., None]), 0, 1)
    return np.asarray(np.rint(x * 255), np.uint8)


class TrainingData:
    """Holds every picture of a recipe in memory and draws batches from them."""

    def __init__(self, recipe: Recipe, root: Path, notify: Notify) -> None:
        self.recipe = recipe
        self.edge = recipe.crop + 2 * (BORDER + SLACK)
        if recipe.warm_start.teacher not in TEACHERS:
            raise UsageError(
                f"no teacher called '{recipe.warm_start.teacher}'", hint=f"teachers: {', '.join(sorted(TEACHERS))}"
            )
        self.style = [self._load_style(source, root, notify) for source in recipe.style]
        self.content = [self._load_content(source, n, root, notify) for n, source in enumerate(recipe.content)]
        self.plain = plain_colours(TEACHERS[recipe.warm_start.teacher], recipe.seed)

    def _load_style(self, source: StyleSource, root: Path, notify: Notify) -> list[Picture]:
        teacher = TEACHERS[self.recipe.warm_start.teacher]
        pictures = [treat_style(p, source, teacher) for p in read_style(source, root, notify)]
        large = [p for p in pictures if min(p.shape[:2]) >= source.crop[0]]
        if not large:
            raise UsageError(f"{source.path}: no picture is as large as the crop of {source.crop[0]} px")
        if len(large) < len(pictures):
            notify(f"{source.path}: {len(pictures) - len(large)} pictures are smaller than the crop and were skipped")
        return large

    def _load_content(
        self, source: ContentSource, number: int, root: Path, notify: Notify
    ) -> list[tuple[Picture, Picture]]:
        """Each picture at VERSIONS sizes and exposures, with the teacher's answer."""
        teacher = TEACHERS[self.recipe.warm_start.teacher]

        def prepare(job: tuple[int, Picture]) -> list[tuple[Picture, Picture]]:
            index, picture = job
            random = np.random.default_rng((self.recipe.seed, number, index))
            pairs = []
            for _ in range(VERSIONS):
                factor = source.height * random.uniform(*source.scale) / min(picture.shape[:2])
                factor = max(factor, (self.edge + 1) / min(picture.shape[:2]))
                size = (round(picture.shape[1] * factor), round(picture.shape[0] * factor))
                how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
                version = expose(np.asarray(cv2.resize(picture, size, interpolation=how), np.uint8), random)
                pairs.append((version, answer(teacher, version, self.recipe.stroke)))
            return pairs

        def pictures() -> Iterator[Picture]:
            for path in find(root, source.path, PICTURES | CLIPS):
                if path.suffix.lower() in CLIPS:
                    yield from read_clip(path, source.every)
                else:
                    yield from read_pictures([path], notify)

        with ThreadPoolExecutor(torch.get_num_threads()) as pool:
            return [pair for pairs in pool.map(prepare, enumerate(pictures())) for pair in pairs]

    def batch(self, step: int) -> Batch:
        """The batch of a step, always the same one."""
        random = np.random.default_rng((self.recipe.seed, 7, step))
        content, teacher = zip(*(self._content_crop(random) for _ in range(self.recipe.batch)), strict=True)
        style = [self._style_crop(random) for _ in range(self.recipe.batch)]
        return Batch(to_tensor(content), to_tensor(teacher), to_tensor(style))

    def examples(self, count: int) -> list[Picture]:
        """Content pictures to show the style on, spread over the recipe's sources; always the same ones."""
        groups = [group for group in self.content if group]
        return [groups[n % len(groups)][len(groups[n % len(groups)]) // 2][0] for n in range(count)]

    def style_batches(self, count: int) -> Iterator[Tensor]:
        """Style crops alone, for the style's statistics."""
        random = np.random.default_rng((self.recipe.seed, 11))
        for _ in range(count):
            yield to_tensor([self._style_crop(random) for _ in range(self.recipe.batch)])

    def _content_crop(self, random: np.random.Generator) -> tuple[Picture, Picture]:
        group = self.content[draw(random, [s.share for s in self.recipe.content])]
        picture, teacher = group[random.integers(len(group))]
        y = random.integers(picture.shape[0] - self.edge + 1)
        x = random.integers(picture.shape[1] - self.edge + 1)
        inner, edge = BORDER + SLACK, self.recipe.crop
        content = picture[y : y + self.edge, x : x + self.edge]
        answer = teacher[y + inner : y + inner + edge, x + inner : x + inner + edge]
        return (content[:, ::-1], answer[:, ::-1]) if random.random() < 0.5 else (content, answer)

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


def to_tensor(pictures: Iterable[Picture]) -> Tensor:
    """N × 3 × H × W, float, 0..1, laid out channels last."""
    stack = torch.from_numpy(np.stack(list(pictures))).permute(0, 3, 1, 2)
    return (stack.float() / 255).contiguous(memory_format=torch.channels_last)
