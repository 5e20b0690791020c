"""The application: routes behind a guard, errors as sentences, and the life of what runs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from vidfx.errors import MissingInput, UnreadableInput, UsageError, VidfxError, as_ours
from vidfx.settings import Look
from vidfx.tune.asked import NotAllowed
from vidfx.tune.commands import Commands
from vidfx.tune.desk import Job
from vidfx.tune.guard import Guard
from vidfx.tune.painted import PICTURE, Paintings
from vidfx.tune.painter import Pane
from vidfx.tune.shown import Shown
from vidfx.tune.tuning import Tuning

LARGEST_BODY = 32 * 1024
"""Bytes; settings of five looks are far below."""
STATUS: list[tuple[type[VidfxError], int]] = [
    (NotAllowed, 403),
    (UsageError, 400),
    (MissingInput, 404),
    (UnreadableInput, 422),
]


async def _failed(_: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException):
        return JSONResponse({"error": error.detail.lower(), "hint": ""}, status_code=error.status_code)
    ours = as_ours(error)
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

    handlers: dict[Any, Any] = dict.fromkeys((VidfxError, HTTPException, Exception), _failed)
    return Starlette(
        routes=[
            *Shown(tuning, token=token, port=port).routes(),
            *Paintings(tuning).routes(),
            *Commands(tuning).routes(),
        ],
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
