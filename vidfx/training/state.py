"""What changes during a training run, and how it is kept: checkpoints that a kill at any moment leaves whole."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import torch

from vidfx.disk import put_in_place
from vidfx.errors import UsageError
from vidfx.styles.generator import Generator
from vidfx.styles.library import find_style
from vidfx.styles.weights import read_weights
from vidfx.training.discriminator import TwoScaleDiscriminator
from vidfx.training.recipe import Recipe

M = TypeVar("M", bound=torch.nn.Module)
LEARNT = ("generator", "average", "discriminator", "generator_optimiser", "discriminator_optimiser")
COUNTED = ("warm_steps", "steps", "seconds", "warm_seconds")

AFTER = {"description", "duotone", "saturation", "finish", "licence"}
"""Keys of a recipe that say what is exported, and not what is trained: they may change while it is."""


@dataclass
class State:
    """Everything that changes during a run; saved and restored whole."""

    generator: Generator
    average: Generator
    discriminator: TwoScaleDiscriminator
    generator_optimiser: torch.optim.Adam
    discriminator_optimiser: torch.optim.Adam
    warm_steps: int = 0
    steps: int = 0
    seconds: float = 0.0
    warm_seconds: float = 0.0
    """How many of them the warm start took."""
    recipe: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def fresh(cls, recipe: Recipe, device: torch.device) -> State:
        """Before the first step. Raises UsageError where the style to begin with has another shape."""
        warm, game = recipe.warm_start, recipe.adversarial
        generator = placed(beginner(recipe), device)
        discriminator = placed(TwoScaleDiscriminator(game.discriminator_channels), device)
        return cls(
            generator,
            copy.deepcopy(generator).requires_grad_(False),
            discriminator,
            torch.optim.Adam(generator.parameters(), warm.learning_rate, betas=(0.5, 0.99)),
            torch.optim.Adam(discriminator.parameters(), game.learning_rate, betas=(0.5, 0.99)),
            recipe=recipe.model_dump(mode="json", exclude=AFTER),
        )

    def save(self, path: Path) -> None:
        """Writes a checkpoint so that a kill at any moment leaves the old one or the new one, whole."""
        content = {name: getattr(self, name).state_dict() for name in LEARNT}
        content |= {name: getattr(self, name) for name in (*COUNTED, "recipe")}
        partial = path.with_suffix(".partial")
        with partial.open("wb") as file:  # torch's own writer would not say that the disk is full
            torch.save(content, file)
        put_in_place(partial, path)

    def load(self, path: Path) -> None:
        content = torch.load(path, map_location="cpu", weights_only=True)
        if {key: value for key, value in content["recipe"].items() if key not in AFTER} != self.recipe:
            raise UsageError(
                f"{path} was trained by another recipe", hint="give another --out, or delete the checkpoint"
            )
        for name in LEARNT:
            getattr(self, name).load_state_dict(content[name])
        for name in COUNTED:
            setattr(self, name, content[name])


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
