"""`vidfx styles list`, `vidfx styles show` and `vidfx styles check`."""

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
    commands_at={"list": "vidfx.cli.styles:list_", "show": "vidfx.cli.styles:show", "check": "vidfx.cli.styles:check"},
    short_help="Say what styles there are.",
)
def styles() -> None:
    """Say what styles there are: those that came with vidfx, and your own."""


@click.command("list", cls=Command, params=[JSON], short_help="List every style.")
def list_(json: bool) -> None:
    """List every style: name, where it is from, what it looks like."""
    from vidfx.styles.library import styles_and_faults, user_folder

    found, faults = styles_and_faults()
    yours = f"your own belong into {user_folder()}, a folder each" + (
        "" if user_folder().is_dir() else " (make it first)"
    )
    for fault in faults:
        click.echo(f"left out: {fault}", err=True)
    if json:
        options.print_json({"styles": [_entry(style) for style in found], "folder": user_folder()})
        return
    if not found:
        click.echo(f"there is no style yet; `vidfx train` makes one; {yours}", err=True)
        return
    name_width, origin_width = max(len(s.name) for s in found), max(len(s.origin) for s in found)
    indent = " " * (name_width + origin_width + 4)
    width = max(shutil.get_terminal_size((100, 24)).columns, len(indent) + 20)
    for style in found:
        head = f"{style.name:<{name_width}}  {style.origin:<{origin_width}}  "
        click.echo(textwrap.fill(style.description, width, initial_indent=head, subsequent_indent=indent))
    click.echo(yours, err=True)


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


@click.command(
    "check",
    cls=Command,
    params=[click.Argument(["name"]), options.DEVICE, options.THREADS, JSON],
    short_help="Measure whether a style is fit to be shipped.",
)
def check(name: str, json: bool, **values: Any) -> None:
    """Paint test pictures with a style and measure it: size, tiles, lattice, speed.

    Ends with exit code 65 where something is not as it should be.
    """
    from vidfx.errors import UnreadableInput
    from vidfx.settings import Machine
    from vidfx.styles.check import check_style
    from vidfx.styles.stylizer import load_style

    painter = load_style(name, machine=Machine(**values))
    findings = check_style(painter)
    bad = [finding for finding in findings if not finding.good]
    if json:
        rows = [{"what": f.what, "value": f.value, "good": f.good} for f in findings]
        options.print_json({"style": painter.card.name, "good": not bad, "findings": rows})
    else:
        width = max(len(finding.what) for finding in findings)
        for finding in findings:
            click.echo(f"{'ok ' if finding.good else 'BAD'}  {finding.what:<{width}}  {finding.value}")
    if bad:
        raise UnreadableInput(
            f"'{painter.card.name}' is not fit to be shipped: {', '.join(finding.what for finding in bad)}",
            hint="against a lattice raise `grid` in its recipe, against size narrow [generator]; then train it anew",
        )


def _entry(style: StyleFile) -> dict[str, Any]:
    return {
        "name": style.name,
        "origin": style.origin,
        "description": style.description,
        "path": style.path,
        "hash": style.hash,
    }
