"""A small HTTP server on the loopback interface, in the event loop that asks for it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from agentflow.errors import EnvironmentError_

HOST = "127.0.0.1"
#: The ASGI extension under which an application finds the function that cuts its connection.
CUT = "agentflow.cut"


class Loopback:
    """Serves an ASGI application while the context is open. `port` 0 takes a free one.

    Raises EnvironmentError_ when the port is taken.
    """

    def __init__(self, app: ASGIApp, port: int) -> None:
        self._app = app
        self._port = port

    async def __aenter__(self) -> Self:
        listener = _listen(self._port)
        self.base_url = f"http://{HOST}:{listener.getsockname()[1]}"
        self._server = _Server(_config(self._app))
        self._serving = asyncio.create_task(self._server.serve(sockets=[listener]))
        await self._server.ready.wait()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        await self._serving


async def cut(scope: Scope, receive: Receive) -> None:
    """Close the connection of a request, whatever was promised, and wait until it is closed."""
    scope["extensions"][CUT]()
    while (await receive())["type"] != "http.disconnect":
        pass


def _listen(port: int) -> socket.socket:
    try:
        return socket.create_server((HOST, port))
    except OSError as error:
        hint = "choose another --port, or none for a free one"
        raise EnvironmentError_(f"cannot listen on {HOST}:{port}: {error.strerror}", hint=hint) from error


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=_CuttableProtocol,
        loop="asyncio",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        proxy_headers=False,
        timeout_keep_alive=600,
        timeout_graceful_shutdown=1,
    )


class _Server(uvicorn.Server):
    """Says when it is ready, and leaves signals to the program around it."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _CuttableProtocol(H11Protocol):
    """Lets the application close the connection in the middle of an answer."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as its parent does
        super().connection_made(transport)
        self.app = _with_cut(self.app, transport.close)


def _with_cut(app: Any, close: Callable[[], None]) -> Callable[[Any, Any, Any], Awaitable[None]]:
    async def cuttable(scope: Scope, receive: Receive, send: Send) -> None:
        scope["extensions"] = {**scope.get("extensions", {}), CUT: close}
        await app(scope, receive, send)

    return cuttable
