"""What a recipe file may say: a TOML table, checked key by key before anything slow begins."""

from __future__ import annotations

from functools import partial
from pathlib import Path, PurePath
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from vidfx.frames import LUMA
from vidfx.styles.card import Finish, NetworkShape
from vidfx.toml import read_model
from vidfx.training.teachers import TEACHERS, Teacher
from vidfx.training.teachers.trained import paint


def _can_match(name: str) -> str:
    PurePath("any").match(name)  # raises ValueError for what is no pattern
    return name


def _known_teacher(name: str) -> str:
    if name not in TEACHERS:
        raise ValueError(f"no teacher called '{name}'; there are {', '.join(sorted(TEACHERS))}")
    return name


Share = Annotated[float, Field(ge=0, le=1)]
Names = tuple[Annotated[str, AfterValidator(_can_match)], ...]
Steps = Annotated[int, Field(ge=0, le=10**9)]


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Source(Part):
    """Pictures, and where they come from: the model card says it of each."""

    what: str = ""
    """What they show, in a few words."""
    origin: str = ""
    """Who made or gave them."""
    licence: str = ""


class StyleSource(Source):
    """Style pictures, or frames of a film clip, and how they are made comparable."""

    path: str
    """Relative to the data folder; a folder, a glob such as `scrolls/*.jpg`, or a film clip."""
    hold_out: Names = ()
    """Names or globs of pictures that are kept from the training, to measure the style against."""
    leave_out: Names = ()
    """Names or globs of pictures that do not belong to the style."""
    every: int = Field(24, ge=1, le=10**6)
    """Of a clip, every how many frames one is taken."""
    share: float = Field(1.0, gt=0, le=1e6)
    """Weight against the other sources when a crop is drawn."""
    crop: tuple[int, int] = (256, 420)
    """Edge in pixels of the square that is cut out, drawn between the two; scaled to the training size: stroke size."""
    treat: Literal["none", "scroll", "line", "levels", "teacher"] = "none"
    """`scroll`: even out the brown ground and tint to paper; `line`: grey drawing on white, multiplied onto paper;
    `levels`: stretch a dull scan to full light and dark; `teacher`: let the teacher draw from these photographs."""
    trim: float = Field(0.0, ge=0, lt=0.4)
    """Fraction of each side that is cut away: mounts, seals and scanner margins."""

    @model_validator(mode="after")
    def _crop_is_a_range(self) -> StyleSource:
        if not 32 <= self.crop[0] <= self.crop[1] <= 16384:
            raise ValueError("`crop` is the smallest edge, 32 px at least, and the largest, 16384 px at most")
        return self


class ContentSource(Source):
    """Photographs, or frames of film clips, that are painted during training."""

    path: str
    share: float = Field(1.0, gt=0, le=1e6)
    scale: tuple[float, float] = (0.6, 1.4)
    """Size at which pictures are seen, relative to `height`; drawn between the two."""
    height: int = Field(512, ge=64, le=4320)
    """Pixels to which a picture's short side is brought first."""
    every: int = Field(12, ge=1, le=10**6)
    """Of a clip, every how many frames one is taken."""

    @model_validator(mode="after")
    def _scale_is_a_range(self) -> ContentSource:
        if not 0 < self.scale[0] <= self.scale[1] <= 16:
            raise ValueError("`scale` is the smallest, above 0, and the largest, 16 at most")
        return self


class Network(NetworkShape):
    quarter: int = Field(48, ge=8, le=256)
    eighth: int = Field(96, ge=8, le=512)
    blocks: int = Field(3, ge=1, le=16)
    half: int = Field(16, ge=4, le=128)


class WarmStart(Part):
    model: str = ""
    """A trained style to begin with, by name or path: it can already draw. Empty begins with nothing."""
    teacher: Annotated[str, AfterValidator(_known_teacher)] = "ink"
    teacher_style: str = ""
    """A trained style that teaches in its place, by name or path: a narrower `[generator]` learns what it paints."""
    steps: Steps = 1200
    learning_rate: float = Field(1e-3, gt=0)
    line: float = Field(0.0, ge=0)
    """Weight of the loss `line` beside the L1 to the teacher."""

    @property
    def draw(self) -> Teacher:
        """The teacher itself."""
        return partial(paint, self.teacher_style) if self.teacher_style else TEACHERS[self.teacher]


class Losses(Part):
    """Weights; 0 switches a loss off."""

    adversarial: float = Field(0.5, ge=0)
    style: float = Field(2.0, ge=0)
    statistics: float = Field(0.0, ge=0)
    """Means and deviations of features, as a distribution over crops."""
    content: float = Field(1.2, ge=0)
    """Features of the source: its forms, whatever the tone."""
    likeness: float = Field(0.0, ge=0)
    """Features of the teacher's picture: its lines, not their every pixel."""
    tone: float = Field(3.5, ge=0)
    tint: float = Field(10.0, ge=0)
    """Colour differences against the teacher's, blurred: no cast."""
    teacher: float = Field(0.0, ge=0)
    """Plain L1 to the teacher's picture."""
    line: float = Field(0.0, ge=0)
    """The same where the teacher has a line."""
    steady: float = Field(0.1, ge=0)
    """How many times as much as the film a painting changes where the motion is known."""
    grid: float = Field(30.0, ge=0)
    flat: float = Field(1.0, ge=0)
    """Texture where the source has none: keeps skies and walls clean."""
    plain: float = Field(0.0, ge=0)
    """Plain colours as the teacher paints them: the middle of a sky, which crops hold little of."""
    range: float = Field(5.0, ge=0)


class Adversarial(Part):
    steps: Steps = 4000
    learning_rate: float = Field(2e-4, gt=0)
    discriminator_channels: int = Field(48, ge=8, le=256)
    average: float = Field(0.998, ge=0, lt=1)
    """Decay of the running average of the weights that is shipped."""
    losses: Losses = Losses()


Colour = tuple[Share, Share, Share]


class Recipe(Part):
    """A whole training run."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_-]*$")
    description: str
    duotone: tuple[Colour, Colour] | None = None
    """The darkest and the lightest colour of a style of two inks, or of ink on paper: what is exported paints none that
    does not lie between them, so no cast creeps in."""
    keep_warm_start: Share = 0.0
    """How much of the weights after the warm start is blended into those after the game when the style is exported: the
    teacher's line, where the game wore it thin."""
    saturation: float = Field(1.0, ge=0, le=2)
    """How far from grey the exported style paints, against what was trained: a discriminator likes dull safe colours
    better than a painter does."""
    licence: str = "not said"
    """Of the weights that are exported, for the model card: whoever trains knows what the pictures allow."""
    finish: Finish = "none"
    """What every painting of this style gets after smoothing: `screentone` turns greys into dots."""
    seed: int = Field(1, ge=0, lt=2**32)
    stroke: float = Field(1.0, ge=0.5, le=4)
    """Size of the strokes against what is usual at 720 lines: 2 draws twice as broadly."""
    crop: int = Field(256, ge=64, le=2048, multiple_of=32)
    batch: int = Field(4, ge=1, le=256)
    features: str
    """Path of a VGG16 feature file, relative to the data folder, or `torchvision`."""
    statistics_features: str = ""
    """Path of another feature file for the loss `statistics`, such as EfficientNet-Lite0's; empty: `features`."""
    style: list[StyleSource] = Field(min_length=1)
    content: list[ContentSource] = Field(min_length=1)
    generator: Network = Network()
    warm_start: WarmStart = WarmStart()
    adversarial: Adversarial = Adversarial()

    @model_validator(mode="after")
    def _duotone_differs_in_luma(self) -> Recipe:
        if self.duotone:
            lumas = [sum(w * c for w, c in zip(LUMA, colour, strict=True)) for colour in self.duotone]
            if abs(lumas[1] - lumas[0]) < 1 / 255:  # a colour's place between the two is told by its luma alone
                raise ValueError("the two colours of `duotone` are equally light: choose a darker and a lighter one")
        return self

    @model_validator(mode="after")
    def _there_is_a_warm_start_to_keep(self) -> Recipe:
        if self.keep_warm_start and not self.warm_start.steps and not self.warm_start.model:
            raise ValueError("`keep_warm_start` keeps some of a warm start, and there is none: give steps or a model")
        return self

    @model_validator(mode="after")
    def _enough_for_statistics(self) -> Recipe:
        if self.adversarial.losses.statistics and self.batch < 2:
            raise ValueError("the loss `statistics` compares pictures of one batch: `batch` must be two at least")
        return self


def read_recipe(path: Path) -> Recipe:
    """Reads and checks a recipe. Raises MissingInput or UsageError naming the key that is wrong."""
    return recipe_and_text(path)[0]


def recipe_and_text(path: Path) -> tuple[Recipe, str]:
    """A recipe and the very text that it was read from. Raises as `read_recipe`."""
    return read_model(path, Recipe, hint="docs/training.md lists every key")
