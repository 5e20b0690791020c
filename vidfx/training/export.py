"""From a trained generator to a model file that can travel: half-precision weights and a card in safetensors."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import torch
from safetensors.torch import save_file

from vidfx.disk import put_in_place
from vidfx.settings import Machine
from vidfx.styles.card import METADATA_KEY, Card, Finish, NetworkShape
from vidfx.styles.check import check_style
from vidfx.styles.generator import SIZE_MULTIPLE, Generator
from vidfx.styles.library import MODEL_FILE, read_style
from vidfx.styles.stylizer import Stylizer
from vidfx.training.data import BORDER
from vidfx.training.grade import graded
from vidfx.training.loop import Trainer
from vidfx.training.papers import write_papers


def export_style(trainer: Trainer, folder: Path, *, recipe_text: str) -> Path:
    """Writes the averaged generator of a run as a style that `--style folder` takes, with its papers.

    The folder then holds the model file, a model card with what was measured, the recipe and a preview. Gives the
    model file's path.
    """
    state, recipe = trainer.state, trainer.recipe
    when = datetime.now(UTC).date().isoformat()
    path = write_model(
        graded(state.average, recipe),
        folder,
        name=recipe.name,
        description=recipe.description,
        finish=recipe.finish,
        licence=recipe.licence,
        trained=f"{when}, {trainer.device}, {state.warm_steps} steps after the teacher and {state.steps} adversarial "
        f"in {state.seconds / 60:.0f} minutes, seed {recipe.seed}",
    )
    painter = Stylizer(read_style(path, "path"), Machine(device=str(trainer.device)))
    write_papers(trainer, painter, recipe_text, check_style(painter), commit())
    return path


def commit() -> str:
    """The commit this code stands at, `+` where it was changed since; empty outside a checkout."""
    here = Path(__file__).resolve().parents[2]
    if not (here / ".git").exists():
        return ""
    try:
        ask = ["git", "describe", "--always", "--dirty=+", "--exclude=*"]
        said = subprocess.run(ask, cwd=here, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return said.stdout.strip()


def write_model(
    generator: Generator,
    folder: Path,
    *,
    name: str,
    description: str,
    trained: str,
    finish: Finish = "none",
    licence: str = "not said",
) -> Path:
    """Writes `folder/model.safetensors` (fp16) and gives its path. Nothing appears under the name until it is whole."""
    card = Card(
        name=name,
        description=description,
        generator=NetworkShape.model_validate(generator.shape.model_dump()),
        size_multiple=SIZE_MULTIPLE,
        receptive_radius=generator.receptive_radius,
        border=BORDER,
        finish=finish,
        licence=licence,
        trained=trained,
    )
    folder.mkdir(parents=True, exist_ok=True)
    weights = {k: v.detach().to("cpu", torch.float16).contiguous() for k, v in generator.state_dict().items()}
    path, partial = folder / MODEL_FILE, folder / f".{MODEL_FILE}.partial"
    save_file(weights, partial, metadata={METADATA_KEY: card.model_dump_json()})
    partial.chmod(0o644)  # safetensors writes for its owner alone; a shipped style is for everybody
    put_in_place(partial, path)
    return path
