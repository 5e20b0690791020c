"""`vidfx styles list` and `vidfx styles show`."""

from __future__ import annotations

import shutil
import textwrap
from typing import TYPE_CHECKING, Any

import click

from vidfx.cli import options
from vidfx.cli.group import Command, LazyGroup, Option

if TYPE_CHECKING:
    from vidfx.styles.library import StyleFile

JSON = Option(["--json"], is_flag=True, help="Print it to stdout as one JSON object.")


@click.group(
    "styles",
    cls=LazyGroup,
    commands_at={"list": "vidfx.cli.styles:list_", "show": "vidfx.cli.styles:show"},
    short_help="Say what styles there are.",
)
def styles() -> None:
    """Say what styles there are: those that came with vidfx, and your own."""


@click.command("list", cls=Command, params=[JSON], short_help="List every style.")
def list_(json: bool) -> None:
    """List every style: name, where it is from, what it looks like."""
    from vidfx.styles.library import list_styles

    found = list_styles()
    if json:
        options.print_json({"styles": [_entry(style) for style in found]})
        return
    if not found:
        click.echo("there is no style yet; `vidfx train` makes one", err=True)
        return
    name_width, origin_width = max(len(s.name) for s in found), max(len(s.origin) for s in found)
    indent = " " * (name_width + origin_width + 4)
    width = max(shutil.get_terminal_size((100, 24)).columns, len(indent) + 20)
    for style in found:
        head = f"{style.name:<{name_width}}  {style.origin:<{origin_width}}  "
        click.echo(textwrap.fill(style.description, width, initial_indent=head, subsequent_indent=indent))


@click.command(
    "show", cls=Command, params=[click.Argument(["name"]), JSON], short_help="Show what a style says of itself."
)
def show(name: str, json: bool) -> None:
    """Show the card of a style, by its name or by the path of a model file."""
    from vidfx.styles.library import find_style

    style = find_style(name)
    if json:
        options.print_json(_entry(style) | {"card": style.card.model_dump(mode="json")})
        return
    said = style.card.model_dump(mode="json") | {"file": style.path, "hash": style.hash, "origin": style.origin}
    generator = said.pop("generator")
    for key, value in (said | {f"generator {k}": v for k, v in generator.items()}).items():
        if value != "":
            text = textwrap.fill(str(value), 100, subsequent_indent=" " * 20, break_long_words=False)
            click.echo(f"{key.replace('_', ' '):<18}  {text}")


def _entry(style: StyleFile) -> dict[str, Any]:
    return {
        "name": style.name,
        "origin": style.origin,
        "description": style.description,
        "path": style.path,
        "hash": style.hash,
    }
