import json
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest

from callbacks.small import data, fit, regression
from cornu.callbacks import CSVLogger, RemoteMonitor


def test_a_row_for_each_epoch(tmp_path):
    path = tmp_path / "log.csv"
    history = fit(regression(), CSVLogger(path), validation_data=data(), epochs=2).history
    lines = path.read_text().splitlines()
    assert lines[0] == "epoch,loss,mae,val_loss,val_mae"
    assert lines[2] == ",".join(
        str(x) for x in [1, *(history[n][1] for n in ("loss", "mae", "val_loss", "val_mae"))]
    )


def write(path, *rows, **options):
    logger = CSVLogger(path, **options)
    logger.on_train_begin()
    for epoch, logs in enumerate(rows):
        logger.on_epoch_end(epoch, logs)
    logger.on_train_end()
    return path.read_text().splitlines()


def test_columns_of_later_validations_are_kept_free(tmp_path):
    lines = write(tmp_path / "a.csv", {"loss": 2.0}, {"loss": 1.0, "val_loss": 1.5})
    assert lines == ["epoch,loss,val_loss", "0,2.0,NA", "1,1.0,1.5"]


def test_a_second_training_replaces_the_file_or_is_appended(tmp_path):
    path = tmp_path / "a.csv"
    write(path, {"loss": 2.0})
    assert write(path, {"loss": 1.0}) == ["epoch,loss,val_loss", "0,1.0,NA"]
    assert write(path, {"loss": 0.5}, append=True)[1:] == ["0,1.0,NA", "0,0.5,NA"]


def test_numbers_of_numpy_arrays_and_texts(tmp_path):
    row = {"a": np.float32(0.5), "b": np.array([1.0, 2.0]), "c": "text"}
    lines = write(tmp_path / "a.csv", row, separator=";")
    assert lines[1] == '0;0.5;"""[1.0, 2.0]""";text;NA;NA;NA'


def test_a_row_is_on_disk_when_its_epoch_ends(tmp_path):
    logger = CSVLogger(tmp_path / "a.csv")
    logger.on_train_begin()
    logger.on_epoch_end(0, {"loss": 1.0})
    assert (tmp_path / "a.csv").read_text().endswith("0,1.0,NA\n")


@pytest.fixture
def server():
    """An HTTP server on this machine that keeps what it gets."""
    received = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):  # noqa: N802
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            received.append((self.path, dict(self.headers), body))
            self.send_response(500 if "broken" in self.path else 200)
            self.end_headers()

        def log_message(self, *args):
            pass

    http = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{http.server_port}", received
    http.shutdown()
    http.server_close()
    thread.join()


def test_results_are_sent_as_a_form(server):
    root, received = server
    fit(regression(), RemoteMonitor(root, field="results"), epochs=2)
    path, headers, body = received[1]
    results = json.loads(urllib.parse.parse_qs(body)["results"][0])
    assert len(received) == 2
    assert path == "/publish/epoch/end/"
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert results["epoch"] == 1
    assert sorted(results) == ["epoch", "loss", "mae"]


def test_results_are_sent_as_json(server):
    root, received = server
    monitor = RemoteMonitor(root, path="/x", headers={"X-Run": "7"}, send_as_json=True)
    monitor.on_epoch_end(3, {"loss": np.float32(0.5), "both": np.array([1, 2])})
    path, headers, body = received[0]
    assert (path, headers["X-Run"]) == ("/x", "7")
    assert json.loads(body) == {"epoch": 3, "loss": 0.5, "both": [1, 2]}


def test_a_server_that_does_not_take_it_is_a_warning(server):
    root, _ = server
    with pytest.warns(UserWarning, match="could not send epoch 1"):
        RemoteMonitor(root, path="/broken").on_epoch_end(0, {"loss": 1.0})
    with pytest.warns(UserWarning, match="could not send epoch 1"):
        RemoteMonitor("http://127.0.0.1:9").on_epoch_end(0, {"loss": 1.0})


def test_addresses_of_files_are_refused():
    with pytest.raises(ValueError, match="http"):
        RemoteMonitor("file:///etc")
