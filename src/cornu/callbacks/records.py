"""Callbacks that log the results of each epoch: to a CSV file, or to a server.

epoch,accuracy,loss,val_accuracy,val_loss
0,0.61,1.02,NA,NA                             NA: not there in this epoch
1,0.74,0.77,0.71,0.81
"""

import csv
import http.client
import io
import json
import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from cornu.archive.atomic import explained
from cornu.callbacks.callback import Callback
from cornu.callbacks.full_disk import goes_on
from cornu.callbacks.monitoring import as_plain
from cornu.callbacks.notes import Kind, is_count, is_text, list_of, optional
from cornu.errors import value_error, warn
from cornu.types import Logs


class CSVLogger(Callback):
    """Write the results of each epoch to a CSV file.

    The columns are the results of the first epoch, in alphabetical order, and their `val_...`
    columns even if that epoch has no validation. Rows are written when an epoch ends; on a full
    disk it warns, and the row is written with a later one.

    Args:
        filename: path of the file.
        separator: separator of the columns.
        append: whether to append to an existing file instead of replacing it.

    Example:

        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     logger = CSVLogger(Path(folder, "log.csv"))
        ...     logger.on_train_begin()
        ...     logger.on_epoch_end(0, {"loss": 0.5, "val_loss": 0.75})
        ...     logger.on_train_end()
        ...     print(Path(folder, "log.csv").read_text().strip())
        epoch,loss,val_loss
        0,0.5,0.75
    """

    listens_to_batches = False
    _remembered: ClassVar[Mapping[str, Kind]] = {
        "keys": optional(list_of(is_text)), "_begins_at": is_count, "_rows": is_text,
    }  # fmt: skip

    def __init__(
        self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False
    ):
        super().__init__()
        self.filename = os.fspath(filename)
        self.sep = separator
        self.append = append
        self.keys: list[str] | None = None
        self._begins_at = 0
        self._waiting = ""  # rows that are not on the disk yet

    def on_train_begin(self, logs: Logs | None = None) -> None:
        path = Path(self.filename)
        self.keys, self._waiting = None, ""
        with explained(path):
            if not self.append:
                path.write_text("")
            elif path.exists() and not path.read_bytes().endswith(b"\n"):
                self._write("\n")  # a row was cut off there
        self._begins_at = path.stat().st_size if self.append and path.exists() else 0

    @property
    def _rows(self) -> str:
        """What this training wrote; a backup holds it, because a killed one may have gone on."""
        path = Path(self.filename)
        written = path.read_bytes()[self._begins_at :].decode() if path.exists() else ""
        return written + self._waiting

    @_rows.setter
    def _rows(self, text: str) -> None:
        path = Path(self.filename)
        with explained(path):
            self._begins_at = min(self._begins_at, path.stat().st_size if path.exists() else 0)
            with open(path, "ab") as file:
                file.truncate(self._begins_at)
            self._write(text)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        logs = dict(logs or {})
        first = self.keys is None
        if self.keys is None:
            self.keys = sorted(logs)
            if not any(name.startswith("val_") for name in self.keys):
                self.keys += [f"val_{name}" for name in self.keys]
        text = io.StringIO()
        writer = csv.writer(text, delimiter=self.sep, lineterminator="\n")
        if first and not self._begins_at:
            writer.writerow(["epoch", *self.keys])
        writer.writerow([epoch, *(_cell(logs[k]) if k in logs else "NA" for k in self.keys)])
        self._waiting += text.getvalue()
        self._write_what_waits()

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self._waiting:
            self._write_what_waits()

    def _write_what_waits(self) -> None:
        """Write the rows that are not on the disk; those of a full disk wait for the next epoch."""
        with goes_on(f"CSVLogger could not write to {self.filename!r}"), explained(self.filename):
            self._write(self._waiting)
            self._waiting = ""

    def _write(self, text: str) -> None:
        """Write at the end of the file, all of it or nothing."""
        # Opened for each row: an interrupted training leaves no open file and no half row.
        with open(self.filename, "ab", buffering=0) as file:
            size = file.seek(0, os.SEEK_END)
            left = memoryview(text.encode())
            try:
                while left:
                    left = left[file.write(left) :]
            except OSError:
                file.truncate(size)
                raise


def _cell(value: object) -> Any:
    """A number or a text as it is; several numbers as `"[1.0, 2.0]"`."""
    value = as_plain(value)
    return f'"[{", ".join(map(str, value))}]"' if isinstance(value, list) else value


class RemoteMonitor(Callback):
    """Send the results of each epoch to a server, as an HTTP POST.

    A server that does not answer gives a warning; training goes on.

    Args:
        root: URL of the server, `http://` or `https://`.
        path: path on the server.
        field: form field of the results, as JSON.
        headers: dict of additional HTTP headers.
        send_as_json: whether to send JSON instead of a form.

    Raises:
        ValueError: `root` is not such a URL.
    """

    listens_to_batches = False
    _seconds_to_wait = 10.0

    def __init__(
        self,
        root: str = "http://localhost:9000",
        path: str = "/publish/epoch/end/",
        field: str = "data",
        headers: Mapping[str, str] | None = None,
        send_as_json: bool = False,
    ):
        super().__init__()
        if not root.startswith(("http://", "https://")):
            raise value_error(f"root must begin with http:// or https://, got {root!r}.")
        self.root = root
        self.path = path
        self.field = field
        self.headers = headers
        self.send_as_json = send_as_json

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        results = {"epoch": epoch} | {k: as_plain(v) for k, v in dict(logs or {}).items()}
        text = json.dumps(results)
        if self.send_as_json:
            body, kind = text, "application/json"
        else:
            body = urllib.parse.urlencode({self.field: text})
            kind = "application/x-www-form-urlencoded"
        request = urllib.request.Request(
            self.root + self.path,
            data=body.encode(),
            headers={"Content-Type": kind, **(self.headers or {})},
            method="POST",
        )
        try:
            with urllib.request.urlopen(request, timeout=self._seconds_to_wait):
                pass
        except (OSError, http.client.HTTPException) as error:  # urllib's own are OSErrors
            warn(f"RemoteMonitor could not send epoch {epoch + 1} to {self.root}: {error}")
