"""A style's weights as plain arrays, checked, ready for whichever runtime paints with them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file

from vidfx.errors import UnreadableInput
from vidfx.styles.blocks import channels_by_pixel
from vidfx.styles.card import NetworkShape
from vidfx.styles.library import StyleFile

Weights = dict[str, NDArray[np.float32]]
"""Parameter name, as `vidfx.styles.generator.Generator` spells it, to its values."""

STEPS = 4, 2
"""Edges of the blocks of pixels that the generator takes: its two entries, `enter` and `look_again`."""
_AGAIN = "copy or export the model again: card and weights come from one export"


def read_weights(style: StyleFile) -> Weights:
    """The weights of a model file. Raises UnreadableInput where they do not fit its card or are not all finite."""
    try:
        weights = {name: values.astype(np.float32) for name, values in load_file(style.path).items()}
    except (SafetensorError, OSError) as error:
        raise UnreadableInput(f"the weights in '{style.path}' cannot be read: {error}", hint=_AGAIN) from None
    except (KeyError, TypeError, AttributeError, ValueError) as error:  # each says it of other formats
        raise UnreadableInput(
            f"the weights in '{style.path}' are in a number format that numpy does not know: {error}",
            hint="vidfx reads weights of 16, 32 or 64 bits, IEEE 754: not bfloat16, and none of 8 bits",
        ) from None
    expected = shapes(style.card.generator)
    wrong = sorted(
        name for name in {*weights, *expected} if name not in weights or weights[name].shape != expected.get(name)
    )
    if wrong:
        raise UnreadableInput(f"the weights in '{style.path}' do not fit its card: {', '.join(wrong[:3])}", hint=_AGAIN)
    if not all(np.isfinite(values).all() for values in weights.values()):
        raise UnreadableInput(
            f"the weights in '{style.path}' are not all finite numbers",
            hint="train the style again with a lower learning rate",
        )
    return weights


def by_pixel(weights: Weights) -> Weights:
    """The weights for pictures of −127.5..127.5 at both ends, in blocks that lie in memory pixel by pixel.

    Every value of x − 127.5 is exact in bf16, and bf16 is finer around 0 than around 1: so most of its error is gone.
    """
    entries = dict(zip(("enter", "look_again"), STEPS, strict=True))
    changed = dict(weights)
    for layer, step in entries.items():
        name = f"{layer}.weight"
        changed[name] = weights[name][:, channels_by_pixel(3, step)] * np.float32(1 / 255)
    for layer, scale in (("up_quarter", 1), ("up_half", 1), ("leave", 255)):
        for name in (f"{layer}.weight", f"{layer}.bias"):
            order = channels_by_pixel(len(weights[name]) // 4, 2)
            changed[name] = weights[name][order] * np.float32(scale)
    return changed


def shapes(network: NetworkShape) -> dict[str, tuple[int, ...]]:
    """Every parameter of the generator with its shape: what a model file must hold, no more and no less."""
    quarter, eighth, half = network.quarter, network.eighth, network.half
    layers = {  # outputs, inputs, edge of the kernel
        "enter": (quarter, 48, 3),
        "down": (eighth, quarter, 4),
        **{f"body.{n}.{part}": (eighth, eighth, 3) for n in range(network.blocks) for part in ("first", "second")},
        "up_quarter": (4 * quarter, eighth, 1),
        "join.first": (quarter, quarter, 3),
        "join.second": (quarter, quarter, 3),
        "up_half": (4 * half, quarter, 1),
        "look_again": (half, 12, 3),
        "merge": (half, half, 3),
        "leave": (12, half, 3),
    }
    found: dict[str, tuple[int, ...]] = {}
    for name, (outputs, inputs, edge) in layers.items():
        found |= {f"{name}.weight": (outputs, inputs, edge, edge), f"{name}.bias": (outputs,)}
    return found
