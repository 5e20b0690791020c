"""What the page asks to be painted, streamed as records while it comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from vidfx.errors import as_ours
from vidfx.tune import asked as ask
from vidfx.tune.desk import Job
from vidfx.tune.painter import LOOP_WIDTH, Painted, Waiting
from vidfx.tune.records import encode, record
from vidfx.tune.tuning import Tuning, question
from vidfx.tune.window import Window

LOOP_PART = (720, 480)
"""Pixels of the clip in a loop at true size."""
MOST_LOOP_FRAMES = 300
PICTURE, LOOP, SHEET, CARD = range(4)
"""What the worker does first."""
RECORDS = "application/octet-stream"


class Paintings:
    """Has the worker paint. What a page no longer waits for is dropped."""

    def __init__(self, tuning: Tuning) -> None:
        self._t = tuning

    def routes(self) -> list[Route]:
        answers = {"picture": self.picture, "loop": self.loop, "card": self.card, "sheet": self.sheet}
        return [Route(f"/api/{path}", answer, methods=["POST"]) for path, answer in answers.items()]

    async def picture(self, request: Request) -> Response:
        asked = await question(request, ask.AskPicture)
        panes = [self._t.bounds.pane(look) for look in asked.looks]
        self._t.check_frame(asked.frame)

        def steps() -> Iterator[bytes]:
            for item in self._t.painter.picture(panes, asked.frame, upto=asked.upto):
                yield self._said(item, exact=asked.upto != "draft")

        return self._stream(steps, urgency=PICTURE, channel=(asked.view, "picture"), generation=asked.generation)

    async def loop(self, request: Request) -> Response:
        asked = await question(request, ask.AskLoop)
        panes = [self._t.bounds.pane(look) for look in asked.looks]
        self._t.check_frame(asked.frame)
        reader = self._t.painter.reader
        first, last = reader.around(asked.frame, asked.seconds)
        if last - first >= MOST_LOOP_FRAMES:  # of fast film, those around the frame
            first = max(first, min(asked.frame - MOST_LOOP_FRAMES // 2, last - MOST_LOOP_FRAMES + 1))
            last = first + MOST_LOOP_FRAMES - 1
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
        asked = await question(request, ask.AskCard)
        style = self._t.bounds.style(asked.style)
        self._t.check_frame(asked.frame)

        def steps() -> Iterator[bytes]:
            image = self._t.painter.card(style, asked.frame)
            yield self._said(Painted(0, "draft", asked.frame, 0, image), exact=False)

        return self._stream(steps, urgency=CARD, channel=(asked.view, "card"), generation=asked.generation)

    async def sheet(self, request: Request) -> Response:
        asked = await question(request, ask.AskSheet)
        panes = [self._t.bounds.pane(look) for look in asked.looks]
        self._t.check_frame(asked.frame)
        cells = list(zip(ask.labels(asked.looks), panes, strict=True))

        def steps() -> Iterator[bytes]:
            for item in self._t.painter.sheet(cells, asked.frame):
                if isinstance(item, Waiting):
                    yield self._said(item, exact=True)
                else:
                    yield self._said(Painted(0, "settled", asked.frame, 0, item), exact=True)

        return self._stream(steps, urgency=SHEET, channel=(asked.view, "sheet"), generation=asked.generation)

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
        lossless = exact and item.level == "settled"
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
                        ours = as_ours(result)
                        yield record({"kind": "error", "error": str(ours), "hint": ours.hint})
                    else:
                        self._t.desk.taken(job)
                        yield result
                yield record({"kind": "stale" if job.dropped else "end"})
            finally:
                self._t.desk.drop(job)

        return StreamingResponse(body(), media_type=RECORDS)
