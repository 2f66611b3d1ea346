"""A server on this machine, and what can be wrong with one.

/plain/x      the page x, with its size
/stubborn/x   breaks off after a third, every time, and knows no ranges
/once/x       breaks off after a third, once
/changed/x    the same, and what comes next is of another version
/slow/x       piece by piece
/unsized/x    without a size
/moved/x      a redirect to /plain/x
/garbled/x    another content of the same size
/endless/x    does not stop
"""

import contextlib
import http.server
import threading
import time
import types

PIECES = 5


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        kind, _, name = self.path[1:].partition("?")[0].rpartition("/")
        self.server.seen.append((self.path, self.headers.get("Range")))
        page = self.server.pages.get(name)
        if page is None:
            self.send_error(404)
        elif kind == "moved":
            self.send_response(302)
            self.send_header("Location", f"/plain/{name}")
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self.answer(kind, name, page)

    def answer(self, kind, name, page):
        tries = [path for path, _ in self.server.seen].count(self.path)
        start, tag = 0, '"first"'
        if kind == "garbled":
            page = bytes(255 - byte for byte in page)
        if kind == "changed" and tries > 1:
            page, tag = page[::-1], '"second"'
        asked = self.headers.get("Range")
        if asked and kind != "stubborn" and self.headers.get("If-Range") in (None, tag):
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
        if start and start >= len(page):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(page)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(page) - 1}/{len(page)}")
        if kind not in ("unsized", "endless"):
            self.send_header("Content-Length", str(len(page) - start))
        self.send_header("ETag", tag)
        self.end_headers()
        left = page[start:]
        if kind == "stubborn" or (kind in ("once", "changed") and tries == 1):
            self.wfile.write(left[: len(left) // 3])
        elif kind == "slow":
            for k in range(PIECES):
                size = -(-len(left) // PIECES)
                self.wfile.write(left[k * size : (k + 1) * size])
                time.sleep(0.02)
        elif kind == "endless":
            with contextlib.suppress(OSError):
                while True:
                    self.wfile.write(bytes(1 << 16))
        else:
            self.wfile.write(left)

    def log_message(self, *args):
        pass


@contextlib.contextmanager
def serving(pages):
    """The address of the server, its pages by name, and the paths and ranges it was asked for."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.pages, server.seen = pages, []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.daemon = True
    thread.start()
    try:
        address = f"http://127.0.0.1:{server.server_port}"
        yield types.SimpleNamespace(address=address, seen=server.seen, pages=pages)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
