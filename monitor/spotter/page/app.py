"""The page's HTTP side: static files, the door, the live stream, and what people say.

Everything but the page itself, which holds no data, needs a session. What changes something is a POST with
JSON from the page's own origin.
"""

import asyncio
import gzip
import hashlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from importlib.resources import files
from typing import Any, NamedTuple, TypeVar

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from monitor.spotter.page.door import SESSION_S, Door, DoorError, TooManyError
from monitor.spotter.page.hub import Hub, RefusedError
from monitor.spotter.page.labels import Label
from monitor.spotter.page.phones import Phone
from monitor.spotter.page.posted import Answer, Asked, Entry, Labelled, Missed, Pulse

COOKIE = "rearguard"
LARGEST_BYTES = 4096
CHECKED_S = 1.0
"""How often a stream looks whether its session has been ended."""

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; manifest-src 'self'; worker-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}

SCRIPTS = ("page", "show", "draw", "sound", "words", "server", "worker", "session", "board", "enter", "menu")
FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    **{f"/{name}.css": (f"{name}.css", "text/css; charset=utf-8") for name in ("page", "board")},
    **{f"/{name}.js": (f"{name}.js", "text/javascript; charset=utf-8") for name in SCRIPTS},
    "/manifest.webmanifest": ("manifest.webmanifest", "application/manifest+json"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
    "/icon-180.png": ("icon-180.png", "image/png"),
    "/icon-512.png": ("icon-512.png", "image/png"),
}


class Asker(NamedTuple):
    """Who asks, and the secret of his session."""

    name: str
    secret: str


class ProblemError(Exception):
    """An answer with this status; ``why`` is for the browser to put into words."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status, self.why = status, why


Body = TypeVar("Body", bound=msgspec.Struct)
Handler = Callable[[Request], Awaitable[Response]]

_log = logging.getLogger(__name__)


def application(hub: Hub, door: Door, *, tls: bool, version: str) -> Starlette:
    """The ASGI application of one page process."""
    app = _App(hub, door, tls=tls, version=version)
    posts: dict[str, Handler] = {
        "/enter": app.enter,
        "/leave": app.leave,
        "/answer": app.answer,
        "/request": app.request,
        "/contact": app.contact,
        "/pulse": app.pulse,
        "/roll-call": app.roll_call,
        "/pressed": app.pressed,
        "/label": app.label,
        "/missed": app.missed,
        "/push": app.push,
    }
    gets: dict[str, Handler] = {
        "/me": app.me,
        "/live": app.live,
        "/log": app.log,
        "/clip": app.clip,
        **{path: app.file(*about) for path, about in FILES.items()},
    }

    @asynccontextmanager
    async def running(_: Starlette) -> AsyncIterator[None]:
        task = asyncio.create_task(hub.run())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    return Starlette(
        routes=[
            *(Route(path, app.answering(handler), methods=["GET"]) for path, handler in gets.items()),
            *(Route(path, app.answering(handler), methods=["POST"]) for path, handler in posts.items()),
        ],
        exception_handlers={HTTPException: app.otherwise, Exception: app.otherwise},
        lifespan=running,
    )


class _App:
    def __init__(self, hub: Hub, door: Door, *, tls: bool, version: str) -> None:
        self._hub = hub
        self._door = door
        self._tls = tls
        self._version = version
        self._complained: set[str] = set()

    def answering(self, handler: Handler) -> Handler:
        """The handler, with headers on whatever it answers, and its problems as answers."""

        async def answer(request: Request) -> Response:
            try:
                if request.method == "POST":
                    self._check_origin(request)
                response = await handler(request)
            except ProblemError as problem:
                response = _json({"why": problem.why}, problem.status)
            except RefusedError as refused:
                response = _json({"why": str(refused)}, 409)
            except DoorError as error:
                if str(error) not in self._complained:
                    self._complained.add(str(error))
                    _log.warning("%s; repeats are not logged", error)
                response = _json({"why": "door"}, 503)
            except ClientDisconnect:
                response = Response(status_code=499)
            return self._headed(response)

        return answer

    async def otherwise(self, _: Request, error: Exception) -> Response:
        """What no handler answers: unknown paths and methods, and defects."""
        status = error.status_code if isinstance(error, HTTPException) else 500
        return self._headed(_json({"why": "unknown" if status < 500 else "defect"}, status))

    def _headed(self, response: Response) -> Response:
        response.headers.update(HEADERS)
        if self._tls:
            response.headers["Strict-Transport-Security"] = "max-age=31536000"
        return response

    def file(self, name: str, kind: str) -> Handler:
        """A static file, compressed once."""
        content = (files(__package__) / "static" / name).read_bytes()
        packed = gzip.compress(content, 9, mtime=0)
        tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'

        async def handler(request: Request) -> Response:
            headers = {"ETag": tag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
            if request.headers.get("if-none-match") == tag:
                return Response(status_code=304, headers=headers)
            if "gzip" in request.headers.get("accept-encoding", "") and len(packed) < len(content):
                return Response(packed, headers=headers | {"Content-Encoding": "gzip"}, media_type=kind)
            return Response(content, headers=headers, media_type=kind)

        return handler

    async def enter(self, request: Request) -> Response:
        """Come in by a code or a link; the session is a cookie."""
        entry = await self._body(request, Entry)
        address = request.client.host if request.client else ""
        try:
            secret = self._door.enter(entry.word, address, time.time())
        except TooManyError:
            raise ProblemError(429, "too_many") from None
        if secret is None:
            raise ProblemError(403, "wrong_word")
        return self._with_cookie(_json({}), secret)

    async def leave(self, request: Request) -> Response:
        self._door.leave(self._asker(request).secret)
        response = _json({})
        response.delete_cookie(COOKIE, secure=self._tls, httponly=True, samesite="strict")
        return response

    async def me(self, request: Request) -> Response:
        asker = self._asker(request)
        key = self._hub.pushes.public_key if self._hub.pushes else ""
        said = {"name": asker.name, "push_key": key, "tls": self._tls, "version": self._version}
        return self._with_cookie(_json(said), asker.secret)  # as long as the session from now on

    async def live(self, request: Request) -> Response:
        """Server-sent events: all that is known, then each change."""
        asker = self._asker(request)

        async def stream() -> AsyncIterator[bytes]:
            page = await self._hub.open(asker.name)
            checked_s = time.monotonic()
            try:
                yield b"retry: 1000\n\n"
                while (message := await page.queue.get()) is not None:
                    yield message
                    if time.monotonic() - checked_s >= CHECKED_S:
                        checked_s = time.monotonic()
                        if self._door.name_of(asker.secret, time.time()) is None:
                            return
            finally:
                self._hub.close(page)

        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(stream(), headers=headers, media_type="text/event-stream")

    async def log(self, request: Request) -> Response:
        """The lines of a device's log after number ``since``, and the course of its session."""
        self._asker(request)
        device, since = request.query_params.get("device", ""), request.query_params.get("since", "0")
        station = self._hub.stations.get(device)
        if station is None or not since.isdecimal():
            raise ProblemError(404, "unknown")
        lines = [
            msgspec.structs.replace(line, label=self._hub.labels.of(device, line.incident))
            for line in station.log(int(since[:9]))
        ]
        return _json({"lines": lines, "course": station.course()})

    async def clip(self, request: Request) -> Response:
        """The signal around an incident."""
        self._asker(request)
        station = self._hub.stations.get(request.query_params.get("device", ""))
        clip = station.clip(request.query_params.get("incident", "")) if station else None
        if clip is None:
            raise ProblemError(404, "unknown")
        return _json(clip)

    async def answer(self, request: Request) -> Response:
        name = self._asker(request).name
        said = await self._body(request, Answer)
        await self._hub.answer(name, said.device, said.incident, said.act, said.nonce)
        return _json({})

    async def request(self, request: Request) -> Response:
        name = self._asker(request).name
        asked = await self._body(request, Asked)
        await self._hub.request(name, asked.device, asked.act, asked.nonce)
        return _json({})

    async def contact(self, request: Request) -> Response:
        """Somebody looks after a device without contact."""
        name = self._asker(request).name
        asked = await self._body(request, Asked)
        await self._hub.look_after(name, asked.device, asked.nonce)
        return _json({})

    async def pulse(self, request: Request) -> Response:
        asker = self._asker(request)
        pulse = await self._body(request, Pulse)
        phone = Phone(asker.name, pulse.can_ring, pulse.why, time.monotonic(), pulse.has)
        self._hub.pulse(f"{asker.secret}-{pulse.page}", phone)
        return _json({})

    async def roll_call(self, request: Request) -> Response:
        self._hub.phones.call(self._asker(request).name, time.monotonic())
        self._hub.look_round()
        return _json({})

    async def pressed(self, request: Request) -> Response:
        self._hub.phones.press(self._asker(request).name, time.monotonic())
        self._hub.look_round()
        return _json({})

    async def label(self, request: Request) -> Response:
        name = self._asker(request).name
        said = await self._body(request, Labelled)
        station = self._hub.stations.get(said.device)
        lines = [line for line in station.log() if line.incident == said.incident] if station else []
        if station is None or not lines or not said.incident:
            raise ProblemError(404, "unknown")
        label = Label(said.device, said.incident, said.label, name, time.time(), lines[0].text)
        try:
            self._hub.labels.put(label)
        except OSError as error:
            _log.warning("a label is lost: %s", error)
            raise ProblemError(507, "not_kept") from None
        station.say(label)
        return _json({})

    async def missed(self, request: Request) -> Response:
        """Somebody saw what the device did not report."""
        name = self._asker(request).name
        said = await self._body(request, Missed)
        await self._hub.missed(name, said.device, said.about, said.nonce)
        return _json({})

    async def push(self, request: Request) -> Response:
        """Subscribe this session to push messages; null ends it."""
        asker = self._asker(request)
        if self._hub.pushes is None:
            raise ProblemError(404, "no_push")
        from monitor.spotter.page.push import PushError, subscription_of  # only where push is on

        value = await self._body(request, None)
        try:
            text = "" if value is None else self._hub.pushes.stored(subscription_of(value))
        except PushError as error:
            raise ProblemError(400, str(error)) from None
        self._door.subscribe(asker.secret, request.headers["origin"], text)
        return _json({})

    def _with_cookie(self, response: Response, secret: str) -> Response:
        response.set_cookie(
            COOKIE, secret, max_age=int(SESSION_S), secure=self._tls, httponly=True, samesite="strict"
        )
        return response

    def _asker(self, request: Request) -> Asker:
        """Raises ProblemError where there is no session."""
        secret = request.cookies.get(COOKIE, "")
        name = self._door.name_of(secret, time.time()) if secret else None
        if name is None:
            raise ProblemError(401, "no_session")
        return Asker(name, secret)

    def _check_origin(self, request: Request) -> None:
        """Other sites' pages may not speak for our spotter, though his cookie went along."""
        origin = request.headers.get("origin", "")
        host = request.headers.get("host", "")
        if not host or origin != f"{'https' if self._tls else 'http'}://{host}":
            raise ProblemError(403, "origin")
        if request.headers.get("content-type", "").split(";")[0] != "application/json":
            raise ProblemError(415, "json")

    async def _body(self, request: Request, shape: type[Body] | None) -> Any:
        """Raises ProblemError for what is too large, or not of this shape."""
        content = b""
        async for chunk in request.stream():
            content += chunk
            if len(content) > LARGEST_BYTES:
                raise ProblemError(413, "too_large")
        try:
            return msgspec.json.decode(content, type=shape or Any)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise ProblemError(400, str(error)) from None


def _json(value: object, status: int = 200) -> Response:
    headers = {"Cache-Control": "no-store"}
    return Response(msgspec.json.encode(value), status, headers, "application/json")
