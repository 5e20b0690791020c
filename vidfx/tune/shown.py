"""What is there without painting: the page itself, the clip, the filmstrip."""

from __future__ import annotations

import hashlib
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vidfx.errors import MissingInput
from vidfx.tune.guard import cookie_name
from vidfx.tune.painted import LOOP_PART
from vidfx.tune.painter import DRAFT_WIDTH, LOOP_WIDTH
from vidfx.tune.tuning import Tuning, said

PAGE = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/style.css": ("style.css", "text/css; charset=utf-8"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
} | {
    f"/{name}.js": (f"{name}.js", "text/javascript; charset=utf-8")
    for name in ("app", "api", "stage", "stills", "loop", "strip", "panel", "render", "keys", "theme")
}
"""The only files that are ever served, by their whole path."""


class Shown:
    """Answers from memory."""

    def __init__(self, tuning: Tuning, *, token: str, port: int) -> None:
        self._t = tuning
        self._token, self._port = token, port
        folder = files("vidfx.tune") / "page"
        self._files = {path: ((folder / name).read_bytes(), kind) for path, (name, kind) in PAGE.items()}

    def routes(self) -> list[Route]:
        return [
            *(Route(path, self.page, methods=["GET"]) for path in self._files),
            Route("/api/clip", self.clip, methods=["GET"]),
            Route("/api/scan", self.scan, methods=["GET"]),
            Route("/api/thumb/{frame:int}", self.thumb, methods=["GET"]),
        ]

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
        about = {
            "id": hashlib.sha256(str(clip.path.resolve()).encode()).hexdigest()[:16],
            "name": clip.path.name.encode(errors="backslashreplace").decode(),  # it need not be UTF-8
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
        return said(about)

    async def scan(self, _: Request) -> Response:
        scan = self._t.scan
        return said(
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
            raise MissingInput("that picture of the strip is not there yet", hint="ask again in a moment")
        return Response(picture, media_type="image/jpeg")
