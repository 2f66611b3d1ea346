"""Where a callback cannot write a file it warns, and training goes on.

Before the first step, while somebody is there to read it, it is an error.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from cornu.archive.atomic import may_pass
from cornu.errors import warn


@contextmanager
def goes_on(what: str) -> Iterator[None]:
    """Warn of a full disk, a quota, a folder that has become read-only, instead of raising.

    Args:
        what: sentence about what was not done, without its full stop.

    Raises:
        OSError: the error is permanent, such as a path that is a directory.

    Example:

        >>> import warnings
        >>> with warnings.catch_warnings(record=True) as told:
        ...     warnings.simplefilter("always")
        ...     with goes_on("The results could not be written"):
        ...         raise OSError(28, "No space left on device")
        >>> print(told[0].message)
        The results could not be written, and training goes on.
        [Errno 28] No space left on device
    """
    try:
        yield
    except OSError as error:
        if not may_pass(error):
            raise
        warn(f"{what}, and training goes on.\n{error}")
