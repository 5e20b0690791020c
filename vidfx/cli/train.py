"""`vidfx train`."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vidfx.cli import options
from vidfx.cli.group import Command, Option
from vidfx.cli.values import Parsed
from vidfx.cli.voice import stopped
from vidfx.errors import MissingInput, UsageError
from vidfx.progress import Progress, choose_progress

if TYPE_CHECKING:
    from vidfx.training.loop import Trainer
    from vidfx.training.recipe import Recipe


def parse_budget(text: str) -> float:
    """`45m`, `1h30m`, `90s` or plain seconds, as seconds."""
    match = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s?)?", text.strip())
    hours, minutes, seconds = (int(part or 0) for part in match.groups()) if match else (0, 0, 0)
    if total := hours * 3600 + minutes * 60 + seconds:
        return float(total)
    raise UsageError(f"'{text}' is no length of time", hint="write 45m, 1h30m or 600s")


DATA = Option(
    ["--data"],
    type=options.FILE,
    required=True,
    metavar="DIR",
    section="Training",
    help="The folder that the recipe's paths start from.",
)
OUT = Option(
    ["--out"],
    type=options.FILE,
    required=True,
    metavar="DIR",
    section="Training",
    help="Where checkpoints, samples and measurements go; a run found there goes on.",
)
EXPORT = Option(
    ["--export"],
    type=options.FILE,
    metavar="DIR",
    section="Training",
    help="Write the trained style here as a model file.",
)
BUDGET = Option(
    ["--budget"],
    type=Parsed("budget", parse_budget),
    metavar="TIME",
    section="Training",
    help="Stop after this long, such as 45m or 1h30m, if the recipe's steps are not done before.",
)
TENSORBOARD = Option(
    ["--tensorboard"],
    is_flag=True,
    section="Training",
    help="Write the losses as TensorBoard events, too (needs the extra `train`).",
)


def moved(bar: Any, done: int, total: int) -> None:
    """Puts a tqdm bar where training stands; a run that goes on begins where it was left."""
    if bar.total is None:
        bar.total, bar.initial, bar.n = total, done - 1, done - 1
    bar.update(1)


@click.command(
    "train",
    cls=Command,
    params=[
        click.Argument(["recipe"], metavar="RECIPE", type=options.FILE),
        DATA,
        OUT,
        EXPORT,
        BUDGET,
        TENSORBOARD,
        options.OVERWRITE,
        options.DEVICE,
        options.THREADS,
        options.JSON,
        options.QUIET,
    ],
    short_help="Train a style from a recipe.",
)
def train(recipe: Path, data: Path, out: Path, export: Path | None, **values: Any) -> None:
    """Train a style from a recipe (TOML), or go on with a run that was stopped."""
    progress = choose_progress("none", quiet=values["quiet"], json=values["json"])
    with stopped("the same command goes on from the last checkpoint"):
        from vidfx.training.folders import check_export, check_folder, held, is_left_off
        from vidfx.training.recipe import recipe_and_text

        read, text = recipe_and_text(recipe)
        check_folder(out, "--out")
        if export:
            check_export(export, recipe, overwrite=values["overwrite"] or is_left_off(out, export))
        if not data.is_dir():
            raise MissingInput(f"there is no folder '{data}'", hint="--data names the folder of the training pictures")
        with held(out):
            from vidfx.training.export import export_style

            trainer = _trained(read, data, out, values, progress)
            path = export_style(trainer, export, recipe_text=text, recipe_file=recipe) if export else None
    state = trainer.state
    trained = f"{state.warm_steps} steps after the teacher, {state.steps} of the game, in {state.seconds:.0f} s"
    progress.finish(f"trained '{read.name}': {trained}" + (f"; wrote {path}" if path else f"; checkpoint in {out}"))
    if read.adversarial.steps and not state.steps:
        progress.finish("that is a warm start alone, blurred or all blots; the same command without --budget trains on")
    if values["json"]:
        result = {"style": read.name, "out": out, "model": path, "warm_steps": state.warm_steps, "steps": state.steps}
        options.print_json(result | {"seconds": round(state.seconds, 1)})


def _trained(recipe: Recipe, data: Path, out: Path, values: options.Values, progress: Progress) -> Trainer:
    import torch
    from tqdm import tqdm

    from vidfx.machine import resolve
    from vidfx.settings import Machine
    from vidfx.training.loop import Trainer

    hidden = values["quiet"] or values["json"] or not sys.stderr.isatty()
    bar = tqdm(unit="step", dynamic_ncols=True, disable=hidden)

    def say(text: str) -> None:
        with tqdm.external_write_mode(sys.stderr):
            progress.finish(text)

    runtime = resolve(Machine(device=values["device"], precision="fp32", threads=values["threads"]))
    torch.set_num_threads(runtime.threads)
    trainer = Trainer(
        recipe,
        data=data,
        out=out,
        device=str(runtime.device),
        budget=values["budget"],
        notify=say,
        tensorboard=values["tensorboard"],
    )
    with bar:
        trainer.run(on_step=lambda done, total: moved(bar, done, total))
    return trainer
