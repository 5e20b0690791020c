"""From a clip and an address to a server that runs: everything that can be refused is refused before it listens."""

from __future__ import annotations

import ipaddress
import socket
import threading
import webbrowser
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from secrets import token_urlsafe

import uvicorn

from vidfx.errors import MissingInput, Unavailable, UsageError
from vidfx.settings import Look, Machine
from vidfx.source import open_clip
from vidfx.styles.library import find_style, list_styles
from vidfx.tune.asked import Bounds, Settings
from vidfx.tune.command import CommandLine
from vidfx.tune.desk import Desk
from vidfx.tune.painter import Painter
from vidfx.tune.reader import ClipReader
from vidfx.tune.rendering import Rendering
from vidfx.tune.scan import Scan
from vidfx.tune.server import make_app
from vidfx.tune.tuning import Tuning


def prepare(
    source: Path | str,
    folders: Sequence[Path],
    *,
    styles: Sequence[str] = (),
    machine: Machine = Machine(),
    flags: Sequence[str] = (),
    usual: Look,
    elsewhere: bool = False,
    video_stream: int | None = None,
) -> Tuning:
    """Opens the clip and finds the styles; starts nothing but the worker.

    `styles` are names or paths to offer beside those that are installed, the first of them is the one to begin with.
    `flags` are what a render must be told besides the look; `usual` is the look that `vidfx render` takes without
    flags, and `elsewhere` says that it would not write beside the clip. Raises the errors of `vidfx.errors`.
    """
    offered = _offered(styles)
    for folder in folders:
        if not folder.is_dir():
            raise MissingInput(f"there is no folder '{folder}'", hint="name folders that mattes may be opened from")
    clip = open_clip(source, video_stream=video_stream)
    reader = ClipReader(clip, threads=machine.threads)
    desk = Desk()
    given = {name: style.given for name, style in offered.items()}
    bounds = Bounds(
        source=Path(source),
        folders=tuple(folder.resolve() for folder in folders),
        styles=given,
        usual=usual,
    )
    start = Settings(
        style=next(iter(offered)),
        strength=usual.strength,
        smooth=usual.smooth,
        keep_color=usual.keep_color,
        matte=str(usual.matte) if usual.matte else "",
    )
    return Tuning(
        bounds=bounds,
        command=CommandLine(
            source=str(source), usual=usual, styles=given, frames=len(reader), flags=tuple(flags), elsewhere=elsewhere
        ),
        painter=Painter(reader, machine),
        desk=desk,
        scan=Scan(clip, len(reader), busy=lambda: desk.busy),
        rendering=Rendering(),
        start=start,
        descriptions={name: style.description for name, style in offered.items()},
    )


@dataclass(frozen=True, slots=True)
class _Offered:
    given: str
    """The name or path that a command gives it by."""
    description: str
    path: Path


def _offered(styles: Sequence[str]) -> dict[str, _Offered]:
    """The styles to choose from, by name: those that were asked for first, then those that are installed."""
    found: dict[str, _Offered] = {}
    for given in styles:
        style = find_style(given)
        taken = found.get(style.name)
        if taken is None or taken.path != style.path:  # two trainings of one recipe have one name
            name = style.name if taken is None else f"{style.name} ({given})"
            found[name] = _Offered(given, style.description, style.path)
    for style in list_styles():
        found.setdefault(style.name, _Offered(style.name, style.description, style.path))
    if not found:
        raise MissingInput("there is no style to tune", hint="give the path of a model file with --style, or train one")
    return found


def check_host(host: str, *, allow_remote: bool) -> bool:
    """Whether others than this machine will be able to come. Raises UsageError where that was not agreed to."""
    try:
        found = socket.getaddrinfo(host, None, proto=socket.IPPROTO_TCP)
    except (OSError, UnicodeError):
        raise UsageError(
            f"'{host}' is no address of this machine", hint="leave --host away for this machine alone"
        ) from None
    remote = not all(_is_loopback(str(entry[4][0])) for entry in found)
    if remote and not allow_remote:
        raise UsageError(
            f"--host {host} would let other machines in",
            hint="add --allow-remote if that is meant: whoever has the address with its token can then see the clip, "
            "open the mattes of the named folders and start renders, and nothing on the way is encrypted",
        )
    return remote


def _is_loopback(address: str) -> bool:
    return ipaddress.ip_address(address.partition("%")[0]).is_loopback


def listen(host: str, port: int) -> socket.socket:
    """A socket on the address, on which a browser already waits; port 0 takes a free one. Raises Unavailable."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, proto=socket.IPPROTO_TCP)[0]
    found = socket.socket(family, kind, protocol)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
        found.listen(64)  # two may bind one port, but only one listens
    except OSError as error:
        found.close()
        what = (error.strerror or str(error)).lower()
        raise Unavailable(
            f"port {port} of {host} cannot be had ({what})", hint="leave --port away to take one that is free"
        ) from None
    return found


class _Server(uvicorn.Server):
    """Tells when it runs: from then on it takes signals itself, and Ctrl-C ends it in order."""

    started_up: Callable[[], None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started_up is not None:
            self.started_up()


def server_on(tuning: Tuning, taken: socket.socket, *, host: str, remote: bool) -> tuple[_Server, str]:
    """A server for a socket that is bound, not yet running, and the page's address with a fresh token."""
    token = token_urlsafe(32)
    port = taken.getsockname()[1]
    config = uvicorn.Config(
        make_app(tuning, token=token, port=port, host=host, remote=remote),
        loop="asyncio",
        http="h11",
        ws="none",
        log_level="error",
        access_log=False,  # it would hold the token
        server_header=False,
        proxy_headers=False,
        limit_concurrency=64,
        timeout_graceful_shutdown=2,
        h11_max_incomplete_event_size=16 * 1024,
    )
    name = f"[{host}]" if ":" in host else host
    return _Server(config), f"http://{name}:{port}/?token={token}"


def serve(tuning: Tuning, *, host: str, port: int, remote: bool, browser: bool, ready: Callable[[str], None]) -> None:
    """Runs until Ctrl-C or SIGTERM, which it raises again when all is closed. `ready` is told the page's address."""
    try:
        taken = listen(host, port)
    except BaseException:
        tuning.close()
        raise
    server, address = server_on(tuning, taken, host=host, remote=remote)

    def announce() -> None:
        ready(address)
        if browser:
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()

    server.started_up = announce
    server.run(sockets=[taken])
