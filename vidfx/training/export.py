"""From a trained generator to a model file that can travel: half-precision weights and a card in safetensors."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import torch
from safetensors.torch import save

from vidfx.disk import write_whole, writing
from vidfx.errors import VidfxError
from vidfx.settings import Machine
from vidfx.styles.card import METADATA_KEY, Card, Finish, NetworkShape
from vidfx.styles.check import check_style
from vidfx.styles.generator import SIZE_MULTIPLE, Generator
from vidfx.styles.library import MODEL_FILE, read_style
from vidfx.styles.stylizer import Stylizer
from vidfx.training.data import BORDER
from vidfx.training.folders import exporting
from vidfx.training.grade import blended, graded
from vidfx.training.loop import Trainer
from vidfx.training.papers import write_papers


def export_style(trainer: Trainer, folder: Path, *, recipe_text: str, recipe_file: Path | None = None) -> Path:
    """Writes the averaged generator of a run as a style that `--style folder` takes, with its papers.

    The folder then holds the model file, a model card with what was measured, the recipe and a preview; where the
    recipe there is `recipe_file` itself it is left alone. Gives the model file's path. Raises as `write_model`.
    """
    state, recipe = trainer.state, trainer.recipe
    when = datetime.now(UTC).date().isoformat()
    with exporting(trainer.out, folder):
        path = write_model(
            graded(blended(state.average, state.warmed, recipe.keep_warm_start if state.steps else 0.0), recipe),
            folder,
            name=recipe.name,
            description=recipe.description,
            finish=recipe.finish,
            licence=recipe.licence,
            trained=f"{when}, {trainer.device}, {state.warm_steps} steps after the teacher and {state.steps} "
            f"adversarial in {state.seconds / 60:.0f} minutes, seed {recipe.seed}",
        )
        painter = Stylizer(read_style(path, "path"), Machine(device=str(trainer.device)))
        write_papers(trainer, painter, recipe_text, check_style(painter), commit(), recipe_file)
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
    """Writes `folder/model.safetensors` (fp16) and gives its path. Nothing appears under the name until it is whole.

    Raises VidfxError for weights that half precision does not hold, CannotWrite, TryAgain.
    """
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
    weights = {k: v.detach().to("cpu", torch.float16).contiguous() for k, v in generator.state_dict().items()}
    if not all(values.isfinite().all() for values in weights.values()):
        raise VidfxError(
            f"the weights of '{name}' are not all finite in half precision: no model file was written",
            hint="the checkpoint is kept; look at `duotone`, or train again with a lower learning rate",
        )
    path = folder / MODEL_FILE
    with writing(path):
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(path, save(weights, metadata={METADATA_KEY: card.model_dump_json()}))
    return path
