"""What changes during a training run, and how it is kept: checkpoints that a kill at any moment leaves whole."""

from __future__ import annotations

import copy
import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import torch

from vidfx.disk import write_whole, writing
from vidfx.errors import TryAgain, UnreadableInput, UsageError, as_ours
from vidfx.styles.generator import Generator
from vidfx.styles.library import find_style
from vidfx.styles.weights import read_weights
from vidfx.training.discriminator import TwoScaleDiscriminator
from vidfx.training.recipe import Recipe

M = TypeVar("M", bound=torch.nn.Module)
LEARNT = ("generator", "average", "warmed", "discriminator", "generator_optimiser", "discriminator_optimiser")
COUNTED = ("warm_steps", "steps", "seconds", "warm_seconds")

_ANOTHER = "give another --out, or delete the checkpoint"

AFTER = {"name", "description", "duotone", "keep_warm_start", "saturation", "finish", "licence"}
"""Keys of a recipe that say what is exported, and not what is trained: they may change while it is."""
SAID = {"what", "origin", "licence"}
"""The same of a source of pictures: the model card says them."""


@dataclass
class State:
    """Everything that changes during a run; saved and restored whole."""

    generator: Generator
    average: Generator
    warmed: Generator
    """`average` as it was when the warm start ended."""
    discriminator: TwoScaleDiscriminator
    generator_optimiser: torch.optim.Adam
    discriminator_optimiser: torch.optim.Adam
    warm_steps: int = 0
    steps: int = 0
    seconds: float = 0.0
    warm_seconds: float = 0.0
    """How many of them the warm start took."""
    recipe: dict[str, Any] = field(default_factory=dict)
    pictures: dict[str, int] = field(default_factory=dict)
    """What is trained on: every file with its size."""

    @classmethod
    def fresh(cls, recipe: Recipe, device: torch.device) -> State:
        """Before the first step. Raises UsageError where the style to begin with has another shape."""
        warm, game = recipe.warm_start, recipe.adversarial
        generator = placed(beginner(recipe), device)
        discriminator = placed(TwoScaleDiscriminator(game.discriminator_channels), device)
        return cls(
            generator,
            copy.deepcopy(generator).requires_grad_(False),
            copy.deepcopy(generator).requires_grad_(False),
            discriminator,
            torch.optim.Adam(generator.parameters(), warm.learning_rate, betas=(0.5, 0.99)),
            torch.optim.Adam(discriminator.parameters(), game.learning_rate, betas=(0.5, 0.99)),
            recipe=_trained(recipe.model_dump(mode="json")),
        )

    def save(self, path: Path) -> None:
        """Writes a checkpoint so that a kill at any moment leaves the old one or the new one, whole.

        Raises TryAgain where the disk is full, CannotWrite.
        """
        content = {name: getattr(self, name).state_dict() for name in LEARNT}
        content |= {name: getattr(self, name) for name in (*COUNTED, "recipe", "pictures")}
        whole = io.BytesIO()  # torch's own writer would not say that the disk is full
        torch.save(content, whole)
        with writing(path):
            write_whole(path, whole.getvalue())

    def load(self, path: Path) -> dict[str, int]:
        """Gives the pictures that the run was on before.

        Raises UnreadableInput for anything but a whole checkpoint, UsageError for one of another recipe.
        """
        broken = UnreadableInput(f"'{path}' is damaged or no checkpoint of a run", hint=_ANOTHER)
        if not path.is_file():  # a pipe would be waited for
            raise broken
        try:
            content = torch.load(path, map_location="cpu", weights_only=True)
            self._take(content, path)
            return dict(content.get("pictures", self.pictures))
        except Exception as error:  # a damaged file raises whatever its bytes happen to mean
            if isinstance(as_ours(error), (UsageError, TryAgain)):
                raise
            raise broken from error

    def _take(self, content: dict[str, Any], path: Path) -> None:
        if _trained(content["recipe"]) != self.recipe:
            raise UsageError(f"{path} was trained by another recipe", hint=_ANOTHER)
        for name in LEARNT:
            getattr(self, name).load_state_dict(content[name])
        for name in COUNTED:
            setattr(self, name, type(getattr(self, name))(content[name]))


def _trained(recipe: dict[str, Any]) -> dict[str, Any]:
    """What of a recipe bears on the weights."""
    kept = {key: value for key, value in recipe.items() if key not in AFTER}
    for sources in ("style", "content"):
        kept[sources] = [{key: source[key] for key in source if key not in SAID} for source in kept[sources]]
    return kept


def beginner(recipe: Recipe) -> Generator:
    """A fresh generator, or the trained one that the recipe begins with.

    Raises UsageError if its shape is another, UnreadableInput for weights that are none.
    """
    generator = Generator(recipe.generator)
    if recipe.warm_start.model:
        style = find_style(recipe.warm_start.model)
        shape = style.card.generator.model_dump()
        if shape != recipe.generator.model_dump():
            raise UsageError(f"'{style.name}' has another generator: {shape}", hint="give the same in [generator]")
        generator.load_state_dict({name: torch.from_numpy(values) for name, values in read_weights(style).items()})
    return generator


def placed(module: M, device: torch.device) -> M:
    """A network on its device, channels last as the pictures are."""
    return module.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]  # torch's stubs lack the keyword
