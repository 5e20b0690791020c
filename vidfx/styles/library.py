"""Finds styles: shipped ones, the user's own, and any model file by its path.

Reading a style's card needs no torch, so `vidfx styles list` is quick; `vidfx.styles.stylizer` builds the network.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import platformdirs
from safetensors import SafetensorError, safe_open

from vidfx.errors import MissingInput, UnreadableInput, nearest
from vidfx.styles.card import ARCHITECTURE, METADATA_KEY, Card

MODEL_FILE = "model.safetensors"
Origin = Literal["shipped", "user", "path"]


@dataclass(frozen=True)
class StyleFile:
    """A model file whose card has been read and found good."""

    path: Path
    card: Card
    origin: Origin

    @property
    def name(self) -> str:
        return self.card.name

    @property
    def description(self) -> str:
        return self.card.description

    @cached_property
    def hash(self) -> str:
        """First 12 hex digits of the SHA-256 of the file."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()[:12]


def shipped_folder() -> Path:
    """Where the styles that come with vidfx lie: beside the code in a wheel, at the top of a checkout."""
    beside = Path(__file__).resolve().parents[1] / "models"
    return beside if beside.is_dir() else Path(__file__).resolve().parents[2] / "models"


def user_folder() -> Path:
    """Where a user's own styles lie, one folder each."""
    return Path(platformdirs.user_data_dir("vidfx", appauthor=False)) / "styles"


def list_styles() -> list[StyleFile]:
    """Every shipped style and every style of the user's, by name. A user's style hides a shipped one of its name."""
    return styles_and_faults()[0]


def styles_and_faults() -> tuple[list[StyleFile], list[UnreadableInput]]:
    """The styles that are here, and what is wrong with model files that cannot be used: one spoils no other."""
    found: dict[str, StyleFile] = {}
    faults = []
    origins: tuple[tuple[Path, Origin], ...] = ((shipped_folder(), "shipped"), (user_folder(), "user"))
    for folder, origin in origins:
        for path in sorted(folder.glob(f"*/{MODEL_FILE}")):
            try:
                style = read_style(path, origin)
            except UnreadableInput as fault:
                faults.append(fault)
                continue
            other = found.get(style.name)
            if other is not None and other.origin == origin:
                kept, left = sorted((style, other), key=lambda one: one.path.parent.name != one.name)
                what = f"'{left.path}' is left out: '{kept.path}' has the name '{kept.name}', too"
                faults.append(UnreadableInput(what, hint="move one away, or name it by its path"))
                style = kept
            found[style.name] = style
    return [found[name] for name in sorted(found)], faults


def find_style(name_or_path: str) -> StyleFile:
    """A style by its name, by its model file, or by the folder the file lies in.

    A plain word is a style's name first: a folder that happens to be called so, say of renders, hides no style.
    Raises MissingInput (with the nearest name as a hint), or UnreadableInput for a model file that may be the one.
    """
    path = Path(name_or_path)
    with suppress(RuntimeError):  # a `~name` that is no user's
        path = path.expanduser()
    is_path = path.suffix == ".safetensors" or any(mark in name_or_path for mark in "/\\")
    here, faults = ([], []) if is_path else styles_and_faults()
    styles = {style.name: style for style in here}
    if name_or_path in styles:
        return styles[name_or_path]
    if is_path or (path / MODEL_FILE).is_file():
        path = path / MODEL_FILE if path.is_dir() else path
        if not path.is_file():
            raise MissingInput(f"no model file at '{path}'", hint="`vidfx styles list` names the styles that are here")
        return read_style(path, "path")
    for folder in (user_folder(), shipped_folder()):
        if (folder / name_or_path / MODEL_FILE).is_file():
            read_style(folder / name_or_path / MODEL_FILE, "user")  # says what is wrong with it
    near = nearest(name_or_path, styles, like=0.5)
    hint = f"did you mean '{near}'? " if near else ""
    hint += f"styles here: {', '.join(styles) or 'none'}"
    if faults:
        hint += "; `vidfx styles list` says what is wrong with others"
    raise MissingInput(f"no style called '{name_or_path}'", hint=hint)


def read_style(path: Path, origin: Origin) -> StyleFile:
    """Reads the card of a model file. Raises UnreadableInput for anything but a whole vidfx safetensors file."""
    if path.suffix != ".safetensors":
        raise UnreadableInput(
            f"'{path}' is not a safetensors file", hint="vidfx loads no pickles (.pt, .pth, .ckpt): they can run code"
        )
    if not path.is_file():  # a pipe would be waited for
        raise UnreadableInput(f"'{path}' is no regular file", hint="copy the model into a file, and name that")
    try:
        with safe_open(path, framework="np") as file:
            text = (file.metadata() or {}).get(METADATA_KEY)
    except (SafetensorError, OSError) as error:
        raise UnreadableInput(
            f"'{path}' is damaged or no safetensors file: {error}", hint="copy or export the model again"
        ) from None
    if text is None:
        raise UnreadableInput(f"'{path}' carries no vidfx card", hint="`vidfx train` writes model files that do")
    try:
        said = json.loads(text)
        if isinstance(said, dict) and said.get("architecture", ARCHITECTURE) != ARCHITECTURE:
            raise UnreadableInput(
                f"'{path}' has the architecture '{said['architecture']}', this version knows '{ARCHITECTURE}'",
                hint="a newer vidfx may know it",
            )
        return StyleFile(path, Card.model_validate(said), origin)
    except (ValueError, RecursionError) as error:  # json's and pydantic's, and of numbers and nesting without end
        lines = str(error).splitlines()
        raise UnreadableInput(
            f"the card of '{path}' cannot be read: {'; '.join(lines[:3])}",
            hint="a newer vidfx may have written it; `vidfx train` exports a model with a card of this version",
        ) from None
