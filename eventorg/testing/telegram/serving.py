"""The HTTP side of the fake: Litestar behind uvicorn, on the loop of the caller."""

import asyncio
import re
import socket
from typing import TYPE_CHECKING, Any, cast

import uvicorn
from litestar import Litestar, Request, Response, post, route
from litestar.enums import HttpMethod, MediaType
from litestar.params import FromPath
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from eventorg.testing.telegram.control import Control
from eventorg.testing.telegram.errors import ApiError, Json, Lost
from eventorg.testing.telegram.parameters import read_parameters

if TYPE_CHECKING:
    from eventorg.testing.telegram.fake import FakeTelegram

LARGEST_REQUEST = 60 * 1024 * 1024
METHOD_PATH = re.compile(r"/bot(?P<token>[^/]+)/(?P<method>\w+)")
FILE_PATH = re.compile(r"/file/bot(?P<token>[^/]+)/documents/(?P<file>\w+)")


class Door:
    """Serves one fake."""

    def __init__(self, tg: "FakeTelegram", host: str, port: int) -> None:
        self._tg = tg
        self._control = Control(tg)
        self._host, self._port = host, port
        self._server: uvicorn.Server | None = None
        self._is_closing = False

    @property
    def url(self) -> str:
        return f"http://{self._host}:{self._port}"

    async def open(self) -> None:
        """Listens. Port 0 becomes a free one."""
        config = uvicorn.Config(
            self._app(),
            http="httptools",
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            timeout_keep_alive=60,
        )
        config.load()
        self._server = uvicorn.Server(config)
        self._server.lifespan = config.lifespan_class(config)
        listener = socket.create_server((self._host, self._port))
        self._port = listener.getsockname()[1]
        await self._server.startup(sockets=[listener])

    async def close(self) -> None:
        """Stops at once: connections break, calls that wait are cancelled."""
        assert self._server
        self._is_closing = True
        for server in self._server.servers:
            server.close()
        for task in list(self._server.server_state.tasks):
            task.cancel()
        for connection in list(self._server.server_state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)

    def _app(self) -> Litestar:
        async def answer(request: Request[Any, Any, Any], path: FromPath[str] = "") -> Response[Any]:
            try:
                return await self._answer(request, path)
            except Lost:
                self._break(request)
                return Response(b"", status_code=500)
            except asyncio.CancelledError:
                if not self._is_closing:
                    raise
                return Response(b"", status_code=503)  # nobody gets it, and uvicorn would log the error

        async def act(request: Request[Any, Any, Any], verb: FromPath[str]) -> Response[Json]:
            return await self._control.act(verb, await request.body())

        methods = [HttpMethod.GET, HttpMethod.POST]
        handlers = [route(["/", "/{path:path}"], http_method=methods)(answer), post("/test/{verb:str}")(act)]
        return Litestar(handlers, openapi_config=None, logging_config=None, request_max_body_size=LARGEST_REQUEST)

    async def _answer(self, request: Request[Any, Any, Any], path: str) -> Response[Any]:
        if self._tg.down:
            return Response("<html>502 Bad Gateway</html>", status_code=502, media_type=MediaType.HTML)
        try:
            if file := FILE_PATH.fullmatch(path):
                return self._file(file)
            called = METHOD_PATH.fullmatch(path)
            if not called or not re.fullmatch(r"\d+:[\w-]+", called["token"]):
                raise ApiError(404, "Not Found")
            if called["token"] != self._tg.token:
                raise ApiError(401, "Unauthorized")
            result = await self._tg.call(called["method"], await read_parameters(request))
        except ApiError as error:
            return Response(error.json(), status_code=error.code)
        if self._tg.take_fault(f"{called['method'].lower()}:answer"):
            raise Lost
        return Response({"ok": True, "result": result}, status_code=200)

    def _file(self, file: re.Match[str]) -> Response[bytes]:
        found = self._tg.files.get(file["file"])
        if found is None or file["token"] != self._tg.token:
            raise ApiError(404, "Not Found")
        return Response(found.content, media_type="application/octet-stream", status_code=200)

    def _break(self, request: Request[Any, Any, Any]) -> None:
        """Breaks the connection of a request, so that its client gets no response."""
        assert self._server
        for connection in self._server.server_state.connections:
            protocol = cast("HttpToolsProtocol", connection)
            if protocol.client == tuple(request.scope["client"] or ()):
                protocol.transport.abort()
