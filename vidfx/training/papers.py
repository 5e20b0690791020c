"""What goes with a model file so that others may use it: a model card, the recipe, a picture of what it does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from vidfx import __version__
from vidfx.disk import write_whole, writing
from vidfx.frames import Picture
from vidfx.screentone import make_screen, put_screen
from vidfx.stills import write_picture
from vidfx.styles.check import Finding
from vidfx.styles.stylizer import Stylizer
from vidfx.training.folders import PREVIEW_FILE, RECIPE_FILE
from vidfx.training.loop import Trainer
from vidfx.training.recipe import Recipe, Source

CARD_FILE, NEW_CARD_FILE = "README.md", "README.new.md"
_AS_WRITTEN = "README.exported.md"
"""In a run's folder, which may be the one exported to: the card as it was written."""
PREVIEW_WIDTH = 1280
PREVIEWS = 2


def write_papers(
    trainer: Trainer,
    painter: Stylizer,
    recipe_text: str,
    findings: Sequence[Finding],
    commit: str,
    recipe_file: Path | None = None,
) -> None:
    """Writes `README.md`, `recipe.toml` and `preview.jpg` beside the model file that `painter` has loaded.

    A card that somebody has written on is kept, and the new one put beside it: the run's folder has each as it was
    written here, which tells the two apart. A recipe that lies there as `recipe_file` is its author's, and left alone.
    """
    folder = painter.style.path.parent
    recipe = folder / RECIPE_FILE
    if recipe_file is None or not recipe.exists() or not recipe.samefile(recipe_file):
        _write_text(recipe, recipe_text)
    elif recipe.read_text("utf-8-sig") != recipe_text:
        trainer.notify(f"'{recipe}' was changed since the training began, and kept: the style is not what it says")
    write_preview(folder / PREVIEW_FILE, painter, trainer.data.examples(PREVIEWS))
    card, as_written = folder / CARD_FILE, trainer.out / _AS_WRITTEN
    text = model_card(trainer, painter, findings, commit)
    if card.exists() and not (as_written.exists() and card.read_bytes() == as_written.read_bytes()):
        card = folder / NEW_CARD_FILE
        trainer.notify(f"'{folder / CARD_FILE}' is not as it was exported, and kept; the new card is '{card}'")
    else:
        _write_text(as_written, text)
    _write_text(card, text)


def _write_text(path: Path, text: str) -> None:
    with writing(path):
        write_whole(path, text.encode())


def write_preview(path: Path, painter: Stylizer, pictures: Sequence[Picture]) -> None:
    """Each picture (RGB, any size) over its painting, beside each other, as a JPEG."""
    columns = []
    for picture in pictures:
        height = 360
        size = (round(picture.shape[1] * height / picture.shape[0]), height)
        painted = np.asarray(painter.stylize(picture[None])[0], np.uint8)
        if painter.card.finish == "screentone":
            painted = np.asarray(put_screen(painted, make_screen(*painted.shape[:2])), np.uint8)
        pair = [np.asarray(cv2.resize(p, size, interpolation=cv2.INTER_AREA)) for p in (picture, painted)]
        columns.append(np.vstack(pair))
    sheet = np.asarray(np.hstack(columns), np.uint8)
    if sheet.shape[1] > PREVIEW_WIDTH:
        size = (PREVIEW_WIDTH, round(sheet.shape[0] * PREVIEW_WIDTH / sheet.shape[1]))
        sheet = np.asarray(cv2.resize(sheet, size, interpolation=cv2.INTER_AREA), np.uint8)
    write_picture(path, sheet)


def model_card(trainer: Trainer, painter: Stylizer, findings: Sequence[Finding], commit: str) -> str:
    """The card as Markdown: what it is, where it comes from, how it was made, how good it is, what to mind."""
    recipe, card = trainer.recipe, painter.card
    made_from = f"vidfx {__version__}" + (f", commit {commit}" if commit else "")
    start = f"from the style `{recipe.warm_start.model}`" if recipe.warm_start.model else "from nothing"
    networks = " and ".join(f"`{name}`" for name in (recipe.features, recipe.statistics_features) if name)
    trained, classical = recipe.warm_start.teacher_style, recipe.warm_start.teacher
    teacher = f"the trained style `{trained}`" if trained else f"the teacher `{classical}`"
    game = f"Warm start on {teacher}" if recipe.warm_start.steps else ""
    if recipe.adversarial.steps:
        game = f"{game}, then generator" if game else "Generator"
        game += " against two patch discriminators"
    measured = "\n".join(f"| {f.what} | {f.value} | {'yes' if f.good else '**no**'} |" for f in findings)
    return f"""# {card.name}

{recipe.description}.

![Film frames and their paintings](preview.jpg)

**Use** it with `--style {card.name}` for film, animation and stills; `--strength` and `--keep-color` bring the film
back through the paint. Licence of the weights: {card.licence}.

## Where it comes from

| what | source | licence |
|---|---|---|
{sources(recipe)}

Feature networks: {networks}.

## How it was trained

With [recipe.toml](recipe.toml) by `vidfx train` ({made_from}), {start}: {card.trained}.
{game}.

## How good it is

| what | measured by `vidfx styles check` | good |
|---|---|---|
{measured}

## What to mind

- Strokes are sized for {recipe.content[0].height} to 1080 lines; at 4K they are finer.
- What is smaller than about 12 px, such as distant faces and small print, may not survive.
"""


def sources(recipe: Recipe) -> str:
    """Rows of a Markdown table: every picture source with its licence."""

    def row(kind: str, source: Source, path: str) -> str:
        return f"| {kind}: {source.what or path} | {source.origin or 'not said'} | {source.licence or 'not said'} |"

    rows = [row("style", source, source.path) for source in recipe.style]
    return "\n".join(rows + [row("content", source, source.path) for source in recipe.content])
