"""`vidfx tune`."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from vidfx.cli import options
from vidfx.cli.group import Command, Option
from vidfx.cli.values import Parsed, whole_number
from vidfx.cli.voice import stopped
from vidfx.errors import Unavailable
from vidfx.progress import choose_progress

FOLDERS = click.Argument(["folders"], metavar="[FOLDER]...", nargs=-1, type=options.FILE)
STYLE = Option(
    ["--style"],
    multiple=True,
    metavar="NAME",
    section="Look",
    help="Begin with this style; the path of a model file is offered too. May be given several times.",
)
PORT = Option(
    ["--port"],
    type=Parsed("port", whole_number(0, 65535)),
    default="0",
    metavar="N",
    section="Server",
    help="Port to listen on; one that is free by default.",
)
HOST = Option(
    ["--host"],
    default="127.0.0.1",
    metavar="ADDRESS",
    section="Server",
    help="Address to listen on; this machine alone (127.0.0.1) by default. Others need --allow-remote.",
)
ALLOW_REMOTE = Option(
    ["--allow-remote"],
    is_flag=True,
    section="Server",
    help="Agree that other machines may come, with the token, unencrypted.",
)
BROWSER = Option(
    ["--browser/--no-browser"], default=True, section="Server", help="Open the page in a browser (default), or not."
)


_SHARED = (*options.MACHINE, options.VIDEO_STREAM)
"""What the page must have as its render has it, to show the same."""
_WORDS = {("batch", None): "auto", ("tile", None): "auto", ("tile", 0): "off", ("memory", None): "auto"}
"""How values that stand for a word were typed."""


@click.command(
    "tune",
    cls=Command,
    params=[
        options.INPUT,
        FOLDERS,
        STYLE,
        PORT,
        HOST,
        ALLOW_REMOTE,
        BROWSER,
        *options.MACHINE,
        options.VIDEO_STREAM,
        options.QUIET,
    ],
    short_help="Find the look on a page in your browser.",
)
@click.pass_context
def tune(context: click.Context, /, source: str, folders: tuple[Path, ...], **values: Any) -> None:
    """Open a page in the browser to find the look: scrub, compare, tune, then copy the command or render.

    The page's address is printed to stdout; Ctrl-C ends it. Mattes are opened from the named FOLDERs only.
    """
    progress = choose_progress("none", quiet=values["quiet"], json=False)
    if not (find_spec("starlette") and find_spec("uvicorn")):
        raise Unavailable("the page needs starlette and uvicorn", hint="pip install 'vidfx[ui]'")
    with stopped("the page is closed; a render it had begun is stopped too, and the same command goes on with it"):
        from vidfx.tune import start

        remote = start.check_host(values["host"], allow_remote=values["allow_remote"])
        rendered = _as_rendered(context, source)
        for option in _SHARED:
            if option.name and context.get_parameter_source(option.name) is ParameterSource.DEFAULT:
                values[option.name] = rendered[option.name]
        tuning = start.prepare(
            source,
            folders,
            styles=values["style"],
            machine=options.machine_of(values),
            flags=_machine_flags(values, rendered),
            usual=options.look_of(rendered),
            elsewhere=rendered["output"] is not None,
            video_stream=values["video_stream"],
        )
        if remote:
            progress.notice(
                f"other machines can reach this page on {values['host']}: whoever has its address with the token sees "
                "the clip, can open mattes in the named folders and start renders; nothing on the way is encrypted"
            )

        def ready(address: str) -> None:
            click.echo(address)
            progress.finish("Ctrl-C ends it")

        start.serve(
            tuning, host=values["host"], port=values["port"], remote=remote, browser=values["browser"], ready=ready
        )


def _as_rendered(context: click.Context, source: str) -> dict[str, Any]:
    """What `vidfx render` would take here without a flag: defaults, settings files and variables."""
    from vidfx.cli.render import render

    return render.make_context("render", ["--style", "any", "--", source], parent=context.parent).params


def _machine_flags(values: options.Values, rendered: options.Values) -> list[str]:
    """What a render must be told, to be made as the page is."""
    said = []
    for option in _SHARED:
        assert option.name is not None
        value = values[option.name]
        if value != rendered[option.name]:
            if option.name == "memory" and value is not None:
                value = f"{value / 2**20:.12g}M"
            said += [option.opts[0], _WORDS.get((option.name, value), str(value))]
    return said
