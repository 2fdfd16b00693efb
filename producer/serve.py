"""The gallery of a private store, on this machine only: the report, and its videos by links signed when asked for.

A store's videos are not for everyone, so the address holds an unguessable token, answers only to a loopback Host (a
foreign page cannot reach it by rebinding its name), and gives out nothing but what the report itself links to.
"""

import contextlib
import posixpath
import re
import secrets
import socket
import threading
import webbrowser
from collections.abc import Callable
from urllib.parse import quote, unquote

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from jobs.errors import ObjectNotFound
from ledger.objects import ObjectStore
from producer.report import links

#: Seconds. A signed link outlives an evening's viewing; a page left open longer asks for a new one on reload.
LINK_LIFE_S = 6 * 3600

#: Seconds that open downloads may take to end after Ctrl-C.
GRACE_S = 1

#: Files beside the report that it may link to, and how they are shown.
BESIDE = {"manifest.jsonl": "text/plain; charset=utf-8", "manifest.csv": "text/csv; charset=utf-8"}

#: Where jobs keep their videos; a report that links elsewhere in the store is not followed there.
VIDEO_KEY = re.compile(r"(simulated/)?jobs/[a-z2-7]+/video\.mp4")

HEADERS = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff"}


def serve_report(
    store: ObjectStore, report_key: str, *, open_browser: bool, announce: Callable[[str], None], port: int = 0
) -> None:
    """Serve the report on 127.0.0.1 until Ctrl-C; `announce` is told the address once it answers.

    Port 0 takes any free one. Raises ObjectNotFound if there is no such report, and what the store raises.
    """
    shelf = ReportShelf(store, report_key)
    shelf.page()
    token = secrets.token_urlsafe(24)
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(128)
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/{token}/{quote(report_key)}"
        announce(address)
        if open_browser:
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
        config = uvicorn.Config(
            shelf.app(token), log_level="warning", access_log=False, lifespan="off", timeout_graceful_shutdown=GRACE_S
        )
        with contextlib.suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listener])


class ReportShelf:
    """What one report may show: itself, the manifests beside it, and the videos that it links to."""

    def __init__(self, store: ObjectStore, report_key: str) -> None:
        self._store = store
        self._report_key = report_key
        self._folder = posixpath.dirname(report_key)
        self._videos: frozenset[str] = frozenset()

    def page(self) -> bytes:
        """The report as it is now; from here on the videos of this one are served. Raises ObjectNotFound."""
        page = self._store.get(self._report_key)
        keys = (posixpath.normpath(posixpath.join(self._folder, unquote(link))) for link in links(page))
        self._videos = frozenset(key for key in keys if VIDEO_KEY.fullmatch(key))
        return page

    def app(self, token: str) -> Starlette:
        """The server: `/<token>/<key in the store>`, and 404 for all else."""

        def answer(request: Request) -> Response:
            if not secrets.compare_digest(request.path_params["token"].encode(), token.encode()):
                return _missing()
            return self.answer(request.path_params["key"])

        return Starlette(
            routes=[Route("/{token}/{key:path}", answer)],
            middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])],
        )

    def answer(self, key: str) -> Response:
        """The report, a manifest or a video; only exact keys match, so there is no way out of the shelf."""
        try:
            if key == self._report_key:
                return Response(self.page(), media_type="text/html", headers=HEADERS)
            name = posixpath.basename(key)
            if name in BESIDE and key == posixpath.join(self._folder, name):
                return self._file(key, BESIDE[name])
            if key in self._videos:
                return self._file(key, "video/mp4")
        except ObjectNotFound:
            return _missing()
        return _missing()

    def _file(self, key: str, media_type: str) -> Response:
        """A local file with Range support, else a redirect to a link that is signed now."""
        path = self._store.local_path(key)
        if path is None:
            return RedirectResponse(self._store.presign(key, LINK_LIFE_S), headers=HEADERS)
        if not path.is_file():
            return _missing()
        return FileResponse(path, media_type=media_type, headers=HEADERS)


def _missing() -> Response:
    return PlainTextResponse("There is nothing here that the report shows.", status_code=404, headers=HEADERS)
