"""Fashion-MNIST from small idx files, as a server would send them."""

import gzip
import http.server
import struct
import threading

import numpy as np
import pytest

from cornu.datasets import archive, fashion_mnist

LAYOUT = archive.shapes_of(4, 2, (28, 28))


def idx_bytes(array):
    head = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return gzip.compress(head + array.tobytes())


@pytest.fixture
def arrays(tmp_path, monkeypatch):
    monkeypatch.setattr(fashion_mnist, "LAYOUT", LAYOUT)
    monkeypatch.setenv("CORNU_DATA", "")
    monkeypatch.setenv("CORNU_HOME", str(tmp_path / "cornu"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    return {name: np.full(shape, k, np.uint8) for k, (name, shape) in enumerate(LAYOUT.items())}


def put(folder, arrays):
    folder.mkdir(parents=True)
    for name, file in fashion_mnist.FILES.items():
        (folder / file).write_bytes(idx_bytes(arrays[name]))


def check(loaded):
    (x_train, y_train), (x_test, y_test) = loaded
    parts = (x_train, y_train, x_test, y_test)
    assert [a.shape for a in parts] == [(4, 28, 28), (4,), (2, 28, 28), (2,)]
    assert [a.flat[-1] for a in parts] == [0, 1, 2, 3]
    assert {a.dtype for a in parts} == {np.dtype("uint8")}


def test_files_that_keras_left(tmp_path, arrays):
    put(tmp_path / "keras/datasets/fashion-mnist", arrays)
    check(fashion_mnist.load_data())


def test_files_of_mnist_are_not_taken_for_them(tmp_path, arrays, monkeypatch):
    put(tmp_path / "digits", arrays)  # same names, other pictures
    monkeypatch.setenv("CORNU_DATA", str(tmp_path / "digits"))
    monkeypatch.setattr(
        "cornu.utils.download.download", lambda *a: (_ for _ in ()).throw(ConnectionError("asked"))
    )
    with pytest.raises(ConnectionError, match="asked"):
        fashion_mnist.load_data()


def test_a_label_above_nine_is_refused(tmp_path, arrays):
    arrays["y_train"][2] = 11
    put(tmp_path / "cornu/datasets/fashion-mnist", arrays)
    with pytest.raises(ValueError, match="label 11"):
        fashion_mnist.load_data()


def test_the_four_files_are_downloaded_once(tmp_path, arrays, monkeypatch):
    asked = []
    pages = {file: idx_bytes(arrays[name]) for name, file in fashion_mnist.FILES.items()}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path[1:])
            self.send_response(200)
            self.end_headers()
            self.wfile.write(pages[self.path[1:]])

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        monkeypatch.setattr(fashion_mnist, "ORIGIN", f"http://127.0.0.1:{server.server_port}/")
        check(fashion_mnist.load_data())
        check(fashion_mnist.load_data())
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert sorted(asked) == sorted(pages)


def test_the_published_layout():
    assert fashion_mnist.LAYOUT["x_train"] == (60_000, 28, 28)
    assert fashion_mnist.ORIGIN.startswith("https://")
