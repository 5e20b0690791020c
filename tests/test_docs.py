"""The pages in docs/ know what the program knows: its commands, flags, codes and keys, no fewer and no more.

`python tests/test_docs.py` brings docs/commands.md up to date.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import click
import pytest
from click.testing import CliRunner
from pages import PAGES, ROOT, blocks, prose
from pydantic import BaseModel

from vidfx import errors
from vidfx.cli import cli
from vidfx.farm.jobfile import FIELDS, JobFile
from vidfx.training.recipe import Recipe
from vidfx.training.teachers import TEACHERS

PAGE = ROOT / "docs" / "commands.md"
OTHERS = {"--newest"}
"""Flags of other programs."""
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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_flag_a_page_speaks_of_exists(page: Path) -> None:
    known = {name for _, command in commands() for option in command.params for name in option.opts}
    known |= {name for _, command in commands() for option in command.params for name in option.secondary_opts}
    ours = {re.split(r"[ =\[]", words)[0] for words in re.findall(r"`(--?[a-z_:][^`]*)`", prose(page))}
    assert ours <= known | {"--help", "--version", "-h"} | OTHERS, ours - known


def test_commands_page_lists_every_exit_code() -> None:
    rows = dict(re.findall(r"^\| (\d+) \| (.+) \|$", PAGE.read_text("utf-8"), re.M))
    kinds = [errors.VidfxError, *errors.VidfxError.__subclasses__()]
    assert {int(code) for code in rows} == {kind.exit_code for kind in kinds} | {0}
    drawn = re.findall(r"([A-Z]\w+) +(\d+)   ", errors.__doc__ or "")
    assert drawn == [(kind.__name__, str(kind.exit_code)) for kind in kinds]


def keys(model: type[BaseModel], path: str = "") -> Iterator[tuple[str, str]]:
    """Every key that a file may have, with its table: from the schema, so that none can be added without a word."""
    for name, entry in model.model_fields.items():
        inner = [part for part in (entry.annotation, *get_args(entry.annotation)) if isinstance(part, type)]
        tables = [part for part in inner if issubclass(part, BaseModel)]
        if not tables:
            yield path, name
        for table in tables:
            yield from keys(table, f"{path}.{name}".lstrip("."))


def test_training_page_lists_the_keys_of_a_recipe() -> None:
    text = (ROOT / "docs" / "training.md").read_text("utf-8")
    section = text.split("## The recipe, key by key")[1].split("\n## ")[0]
    losses = set(re.findall(r"^\| `([a-z]+)` \|", text.split("## How it learns")[1].split("\n## ")[0], re.M))
    said, table = {("adversarial.losses", loss) for loss in losses}, ""
    for first, second in re.findall(r"^\| *(`\[.+?\]`)? *\| (`.+?`(?:, `.+?`)*) \|", section, re.M):
        table = first.strip("`[]") or table
        said |= {(table, key) for key in re.findall(r"`(\w+)`", second)}
    top = section.split("| table |")[0]
    known = set(keys(Recipe))
    missing = {(table, key) for table, key in known - said if not re.search(rf"`{key}`", top)}
    assert not missing
    assert said <= known, said - known


def test_the_recipe_of_the_worked_example_is_one() -> None:
    (block,) = (block for block in blocks(ROOT / "CONTRIBUTING.md") if block.kind == "toml")
    assert Recipe.model_validate(tomllib.loads(block.text)).warm_start.teacher in TEACHERS


def test_what_the_training_page_adds_to_a_recipe_may_stand_there() -> None:
    (block,) = (block for block in blocks(ROOT / "docs" / "training.md") if block.kind == "toml")
    recipe = tomllib.loads((ROOT / "models" / "ink" / "recipe.toml").read_text())
    assert Recipe.model_validate(recipe | tomllib.loads(block.text)).warm_start.teacher_style == "ink"


def test_commands_page_shows_the_keys_of_a_job_file() -> None:
    """All of the schema's, and those it takes from `vidfx render` by name."""
    block = next(b.text for b in blocks(PAGE) if b.kind == "toml" and "[[clip]]" in b.text)
    shown = tomllib.loads(block)
    ours = {("defaults", "style"), ("clip", "source"), ("clip", "style"), ("", "output"), ("", "name")}
    assert set(keys(JobFile)) == ours | {("clip", "name")}
    assert {"output", "name", "defaults", "clip"} == set(shown)
    flags = {option.name for path, command in commands() if path == "vidfx render" for option in command.params}
    for table in (shown["defaults"], *shown["clip"]):
        assert set(table) <= flags | {key for _, key in ours}
    assert {*re.findall(r"\{(\w+)\}", block)} == set(FIELDS)
    assert "`name`" in PAGE.read_text("utf-8").split("## `vidfx batch`")[1].split("\n## ")[0]


if __name__ == "__main__":
    os.environ.pop("COLUMNS", None)
    PAGE.write_text(brought_up_to_date(PAGE.read_text("utf-8")), "utf-8")
