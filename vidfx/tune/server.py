"""The routes behind the page, and the life of the server."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from vidfx.cli.voice import translated
from vidfx.errors import MissingInput, UnreadableInput, UsageError, VidfxError
from vidfx.job import default_output
from vidfx.settings import Look
from vidfx.tune import asked as ask
from vidfx.tune.asked import Bounds, NotAllowed
from vidfx.tune.command import CommandLine, quoted
from vidfx.tune.desk import Desk, Job
from vidfx.tune.guard import Guard, cookie_name
from vidfx.tune.painter import DRAFT_WIDTH, LOOP_WIDTH, Painted, Painter, Pane, Waiting, Window
from vidfx.tune.records import encode, record
from vidfx.tune.rendering import Rendering
from vidfx.tune.scan import Scan

A = TypeVar("A", bound=BaseModel)

LARGEST_BODY = 32 * 1024
"""Bytes; settings of five looks are far below."""
LOOP_PART = (720, 480)
"""Pixels of the clip in a loop at true size."""
MOST_LOOP_FRAMES = 300
PICTURE, LOOP, SHEET, CARD = range(4)
"""What the worker does first."""
PAGE = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/style.css": ("style.css", "text/css; charset=utf-8"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
} | {
    f"/{name}.js": (f"{name}.js", "text/javascript; charset=utf-8")
    for name in ("app", "api", "stage", "loop", "strip", "panel", "render", "keys")
}
"""The only files that are ever served, by their whole path."""


@dataclass(frozen=True)
class Tuning:
    """Everything that one server is about."""

    bounds: Bounds
    command: CommandLine
    painter: Painter
    desk: Desk
    scan: Scan
    rendering: Rendering
    start: ask.Settings
    """The settings the page begins with."""
    descriptions: dict[str, str]
    """Style names, and what they look like."""

    def close(self) -> None:
        """Ends every thread and process."""
        self.scan.stop()
        self.desk.close()
        self.rendering.close()
        self.painter.close()


class Routes:
    """Answers the page's questions. What is painted comes as a stream of records (`records.py`)."""

    def __init__(self, tuning: Tuning, *, token: str, port: int) -> None:
        self._t = tuning
        self._token, self._port = token, port
        folder = files("vidfx.tune") / "page"
        self._files = {path: ((folder / name).read_bytes(), kind) for path, (name, kind) in PAGE.items()}

    def all(self) -> list[Route]:
        routes = [Route(path, self.page, methods=["GET"]) for path in self._files]
        for path, answer in (("clip", self.clip), ("scan", self.scan), ("render", self.render_status)):
            routes.append(Route(f"/api/{path}", answer, methods=["GET"]))
        routes.append(Route("/api/thumb/{frame:int}", self.thumb, methods=["GET"]))
        posts = {"picture": self.picture, "loop": self.loop, "card": self.card, "sheet": self.sheet}
        posts |= {"command": self.command, "render": self.render}
        routes += [Route(f"/api/{path}", answer, methods=["POST"]) for path, answer in posts.items()]
        routes.append(Route("/api/render/stop", self.stop, methods=["POST"]))
        return routes

    # --- what is there -----------------------------------------------------------------------------------------

    async def page(self, request: Request) -> Response:
        content, kind = self._files[request.url.path]
        answer = Response(content, media_type=kind)
        if request.url.path == "/":
            # no redirect: on one that began elsewhere a browser would not send a strict cookie back
            answer.set_cookie(cookie_name(self._port), self._token, httponly=True, samesite="strict", path="/")
        return answer

    async def clip(self, _: Request) -> Response:
        clip, reader = self._t.painter.reader.clip, self._t.painter.reader
        bounds = self._t.bounds
        said = {
            "id": hashlib.sha256(str(clip.path.resolve()).encode()).hexdigest()[:16],
            "name": clip.path.name,
            "kind": clip.kind,
            "width": clip.width,
            "height": clip.height,
            "aspect": float(clip.sample_aspect_ratio),
            "rate": float(clip.rate),
            "frames": len(reader),
            "time_base": [clip.time_base.numerator, clip.time_base.denominator],
            "pts": reader.pts,
            "styles": [{"name": name, "description": text} for name, text in self._t.descriptions.items()],
            "settings": self._t.start.model_dump(),
            "mattes": bool(bounds.folders),
            "draft_width": DRAFT_WIDTH,
            "loop_width": LOOP_WIDTH,
            "loop_part": [min(LOOP_PART[0], clip.width), min(LOOP_PART[1], clip.height)],
        }
        return JSONResponse(said)

    async def scan(self, _: Request) -> Response:
        scan = self._t.scan
        return JSONResponse(
            {
                "done": scan.done,
                "finished": scan.finished,
                "shots": list(scan.shots),
                "wanted": scan.wanted,
                "ready": sorted(scan.pictures.copy()),
                "error": scan.error,
            }
        )

    async def thumb(self, request: Request) -> Response:
        picture = self._t.scan.pictures.get(request.path_params["frame"])
        if picture is None:
            raise MissingInput("that picture of the strip is not there yet")
        return Response(picture, media_type="image/jpeg")

    # --- what is painted ---------------------------------------------------------------------------------------

    async def picture(self, request: Request) -> Response:
        asked = await _read(request, ask.AskPicture)
        panes = [self._t.bounds.pane(look) for look in asked.looks]
        self._check_frame(asked.frame)

        def steps() -> Iterator[bytes]:
            for item in self._t.painter.picture(panes, asked.frame, upto=asked.upto):
                yield self._said(item, exact=asked.upto != "draft")

        return self._stream(steps, urgency=PICTURE, channel=(asked.view, "picture"), generation=asked.generation)

    async def loop(self, request: Request) -> Response:
        asked = await _read(request, ask.AskLoop)
        panes = [self._t.bounds.pane(look) for look in asked.looks]
        self._check_frame(asked.frame)
        reader = self._t.painter.reader
        first, last = reader.around(asked.frame, asked.seconds)
        last = min(last, first + MOST_LOOP_FRAMES - 1)
        window = Window(width=LOOP_WIDTH) if asked.centre is None else self._part(*asked.centre)
        ends = [reader.pts[i + 1] for i in range(first, min(last + 1, len(reader) - 1))]
        if len(ends) < last + 1 - first:
            ends.append(reader.pts[last] + max(1, round(1 / reader.clip.rate / reader.clip.time_base)))
        head = {"kind": "loop", "first": first, "last": last, "pts": reader.pts[first : last + 1], "end": ends[-1]}

        def steps() -> Iterator[bytes]:
            yield record(head | {"part": window.part})
            for item in self._t.painter.loop(panes, first, last, window):
                yield self._said(item, exact=False)

        return self._stream(steps, urgency=LOOP, channel=(asked.view, "loop"), generation=asked.generation)

    async def card(self, request: Request) -> Response:
        asked = await _read(request, ask.AskCard)
        style = self._t.bounds.style(asked.style)
        self._check_frame(asked.frame)

        def steps() -> Iterator[bytes]:
            image = self._t.painter.card(style, asked.frame)
            yield self._said(Painted(0, "draft", asked.frame, 0, image), exact=False)

        return self._stream(steps, urgency=CARD, channel=(asked.view, "card"), generation=asked.generation)

    async def sheet(self, request: Request) -> Response:
        asked = await _read(request, ask.AskSheet)
        panes = [self._t.bounds.pane(look) for look in asked.looks]
        self._check_frame(asked.frame)
        cells = list(zip(ask.labels(asked.looks), panes, strict=True))

        def steps() -> Iterator[bytes]:
            for item in self._t.painter.sheet(cells, asked.frame):
                if isinstance(item, Waiting):
                    yield self._said(item, exact=True)
                else:
                    yield self._said(Painted(0, "settled", asked.frame, 0, item), exact=True)

        return self._stream(steps, urgency=SHEET, channel=(asked.view, "sheet"), generation=asked.generation)

    # --- the command and the render ----------------------------------------------------------------------------

    async def command(self, request: Request) -> Response:
        words, output = self._words(await _read(request, ask.AskRender))
        return JSONResponse({"command": quoted(words), "output": output})

    async def render(self, request: Request) -> Response:
        words, _ = self._words(await _read(request, ask.AskRender))
        await run_in_threadpool(self._t.rendering.start, words)
        return JSONResponse(self._t.rendering.status())

    async def stop(self, _: Request) -> Response:
        await run_in_threadpool(self._t.rendering.stop)
        return JSONResponse(self._t.rendering.status())

    async def render_status(self, _: Request) -> Response:
        return JSONResponse(self._t.rendering.status())

    def _words(self, asked: ask.AskRender) -> tuple[list[str], str]:
        bounds = self._t.bounds
        if asked.settings.style is None:
            raise UsageError("choose a style to render with")
        bounds.style(asked.settings.style)
        matte = bounds.look(asked.settings).matte
        output = bounds.output(asked.output)
        usual = default_output(bounds.source, asked.settings.style)
        return self._t.command.words(asked, matte, output), (output or usual).name

    # --- helpers -----------------------------------------------------------------------------------------------

    def _check_frame(self, index: int) -> None:
        if index >= len(self._t.painter.reader):
            raise UsageError(f"there is no frame {index}", hint=f"the last one is {len(self._t.painter.reader) - 1}")

    def _part(self, across: float, down: float) -> Window:
        """The true-size part about a place, given as shares of the frame; even numbers, inside of the frame."""
        clip = self._t.painter.reader.clip
        width, height = min(LOOP_PART[0], clip.width), min(LOOP_PART[1], clip.height)
        left = min(max(0, round(across * clip.width - width / 2)), clip.width - width)
        top = min(max(0, round(down * clip.height - height / 2)), clip.height - height)
        return Window(part=(left, top, width, height))

    def _said(self, item: Painted | Waiting, *, exact: bool) -> bytes:
        if isinstance(item, Waiting):
            return record({"kind": "waiting", "what": item.what, "done": item.done, "total": item.total})
        lossless = exact and item.level != "draft"
        body, kind = encode(item.image, lossless=lossless)
        height, width = item.image.shape[:2]
        said = {"kind": "picture", "pane": item.pane, "level": item.level, "index": item.index, "pts": item.pts}
        return record(said | {"width": width, "height": height, "type": kind}, body)

    def _stream(
        self, steps: Callable[[], Iterator[bytes]], *, urgency: int, channel: tuple[str, str], generation: int
    ) -> Response:
        """Has the worker do the steps while the page listens; when it hangs up, the work is dropped."""
        results: asyncio.Queue[bytes | BaseException | None] = asyncio.Queue()
        running = asyncio.get_running_loop()

        def deliver(result: bytes | BaseException | None) -> None:
            if not running.is_closed():
                running.call_soon_threadsafe(results.put_nowait, result)

        job: Job[bytes] = Job(steps, deliver, urgency=urgency, channel=channel, generation=generation)
        if not self._t.desk.submit(job):
            return Response(record({"kind": "stale"}), media_type=RECORDS)

        async def body() -> AsyncIterator[bytes]:
            try:
                while (result := await results.get()) is not None:
                    if isinstance(result, BaseException):
                        ours = translated(result)
                        yield record({"kind": "error", "error": str(ours), "hint": ours.hint})
                    else:
                        self._t.desk.taken(job)
                        yield result
                yield record({"kind": "stale" if job.dropped else "end"})
            finally:
                self._t.desk.drop(job)

        return StreamingResponse(body(), media_type=RECORDS)


RECORDS = "application/octet-stream"


async def _read(request: Request, model: type[A]) -> A:
    """The request's JSON, checked. Raises UsageError with the first thing that is wrong."""
    body = await asyncio.wait_for(request.body(), timeout=10)
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"the page asked wrongly: {where or 'the body'}: {first['msg']}", hint="reload it") from None


STATUS: list[tuple[type[VidfxError], int]] = [
    (NotAllowed, 403),
    (UsageError, 400),
    (MissingInput, 404),
    (UnreadableInput, 422),
]


async def _failed(_: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException):
        return JSONResponse({"error": error.detail.lower(), "hint": ""}, status_code=error.status_code)
    ours = translated(error)
    status = next((code for kind, code in STATUS if isinstance(ours, kind)), 500)
    return JSONResponse({"error": str(ours), "hint": ours.hint}, status_code=status)


def make_app(tuning: Tuning, *, token: str, port: int, host: str = "127.0.0.1", remote: bool = False) -> Starlette:
    """The whole application, guarded. Its lifespan starts the scan and ends every thread and process."""

    @asynccontextmanager
    async def life(_: Starlette) -> AsyncIterator[None]:
        tuning.scan.start()
        tuning.desk.submit(Job(lambda: _warmed(tuning), lambda _: None, urgency=PICTURE))
        try:
            yield
        finally:
            await run_in_threadpool(tuning.close)

    handlers: dict[Any, Any] = dict.fromkeys((VidfxError, HTTPException, TimeoutError, Exception), _failed)
    return Starlette(
        routes=Routes(tuning, token=token, port=port).all(),
        middleware=[Middleware(Guard, token=token, port=port, host=host, remote=remote)],
        exception_handlers=handlers,
        lifespan=life,
        max_body_size=LARGEST_BODY,
    )


def _warmed(tuning: Tuning) -> Iterator[None]:
    """Loads the first style before the page asks for it."""
    style = tuning.start.style
    if style is not None:
        for _ in tuning.painter.picture([Pane(tuning.bounds.style(style), Look())], 0, upto="draft"):
            yield None


__all__ = ["Tuning", "make_app"]
