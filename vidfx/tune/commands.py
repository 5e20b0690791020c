"""The command line for what is on screen, and the render that runs it."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vidfx.errors import UsageError
from vidfx.job import default_output
from vidfx.tune.asked import AskRender
from vidfx.tune.command import quoted
from vidfx.tune.tuning import Tuning, question, said


class Commands:
    """Says the command, starts it, stops it, tells how far it is."""

    def __init__(self, tuning: Tuning) -> None:
        self._t = tuning

    def routes(self) -> list[Route]:
        return [
            Route("/api/command", self.command, methods=["POST"]),
            Route("/api/render", self.render, methods=["POST"]),
            Route("/api/render", self.status, methods=["GET"]),
            Route("/api/render/stop", self.stop, methods=["POST"]),
        ]

    async def command(self, request: Request) -> Response:
        words, output = self._words(await question(request, AskRender))
        return said({"command": quoted(words), "output": output})

    async def render(self, request: Request) -> Response:
        words, _ = self._words(await question(request, AskRender))
        await run_in_threadpool(self._t.rendering.start, words)
        return said(self._t.rendering.status())

    async def stop(self, _: Request) -> Response:
        await run_in_threadpool(self._t.rendering.stop)
        return said(self._t.rendering.status())

    async def status(self, _: Request) -> Response:
        return said(self._t.rendering.status())

    def _words(self, asked: AskRender) -> tuple[list[str], str]:
        bounds = self._t.bounds
        if asked.settings.style is None:
            raise UsageError("choose a style to render with", hint="the cards under Style are those there are")
        style = bounds.style(asked.settings.style)
        matte = bounds.look(asked.settings).matte
        output = bounds.output(asked.output)
        usual = default_output(bounds.source, style)
        return self._t.command.words(asked, matte, output, usual), (output or usual).name
