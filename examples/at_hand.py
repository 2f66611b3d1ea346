"""Where the examples find their data: in the folders that `CORNU_DATA` names."""

import os
from pathlib import Path


def data_file(name, source):
    """The path of a file in a folder of `CORNU_DATA`; if there is none, an error that helps.

    Args:
        name: of the file.
        source: where it can be had.
    """
    folders = [
        Path(f).expanduser() for f in os.environ.get("CORNU_DATA", "").split(os.pathsep) if f
    ]
    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    raise SystemExit(
        f"This example needs {name}, and it is not here.\n"
        f"  looked in: {', '.join(map(str, folders)) or 'nowhere; CORNU_DATA is not set'}\n"
        f"  fix:       get it from {source},\n"
        f"             put it into a folder, and set CORNU_DATA to that folder."
    )
