"""The pages in docs/ say what the program says. `python tests/test_docs.py` brings docs/commands.md up to date."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import click
import pytest
from click.testing import CliRunner
from pydantic import BaseModel

from vidfx import errors
from vidfx.cli import cli

PAGE = Path(__file__).resolve().parents[1] / "docs" / "commands.md"
BLOCK = re.compile(r"(?<=^```text\n)\$ (vidfx[a-z ]*) --help\n.*?(?=^```$)", re.M | re.S)
"""A fenced block that shows the help of one command."""


def commands(group: click.Group = cli, path: str = "vidfx") -> Iterator[tuple[str, click.Command]]:
    """Every command and group, with the words one types."""
    yield path, group
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def help_of(path: str) -> str:
    """What `PATH --help` prints on a terminal of 100 columns."""
    arguments = [*path.split()[1:], "--help"]
    done = CliRunner().invoke(cli, arguments, prog_name="vidfx", terminal_width=100, catch_exceptions=False)
    assert done.exit_code == 0
    return f"$ {path} --help\n{done.output}"


def brought_up_to_date(page: str) -> str:
    return BLOCK.sub(lambda match: help_of(match[1]), page)


def test_commands_page_shows_the_help_of_every_command() -> None:
    shown = {match[1] for match in BLOCK.finditer(PAGE.read_text("utf-8"))}
    assert shown == {path for path, _ in commands()}


def test_commands_page_is_up_to_date() -> None:
    page = PAGE.read_text("utf-8")
    assert brought_up_to_date(page) == page, "run `python tests/test_docs.py`"


@pytest.mark.parametrize(
    ("path", "command"), list(commands()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_option_explains_itself(path: str, command: click.Command) -> None:
    shown = help_of(path)
    for option in command.params:
        if isinstance(option, click.Option):
            assert option.help and option.help.endswith("."), f"{path}: {option.opts}"
            assert all(name in shown for name in option.opts)


def test_commands_page_lists_every_exit_code() -> None:
    rows = dict(re.findall(r"^\| (\d+) \| (.+) \|$", PAGE.read_text("utf-8"), re.M))
    codes = {error.exit_code for error in (errors.VidfxError, *errors.VidfxError.__subclasses__())}
    assert {int(code) for code in rows} == codes | {0}


def test_training_page_lists_every_key_of_a_recipe() -> None:
    """Read from the schema, so that a key cannot be added without a word on it."""
    page = (PAGE.parent / "training.md").read_text("utf-8")

    def keys(model: type[BaseModel]) -> Iterator[str]:
        for name, entry in model.model_fields.items():
            yield name
            for part in (entry.annotation, *get_args(entry.annotation)):
                if isinstance(part, type) and issubclass(part, BaseModel):
                    yield from keys(part)

    from vidfx.training.recipe import Recipe

    missing = [key for key in keys(Recipe) if not re.search(rf"`\[*([a-z_]+\.)?{key}\]*`", page)]
    assert not missing


if __name__ == "__main__":
    os.environ.pop("COLUMNS", None)
    PAGE.write_text(brought_up_to_date(PAGE.read_text("utf-8")), "utf-8")
