"""How a source says that an element is to be left out."""


class SkipElement(Exception):  # noqa: N818  # control flow, as StopIteration
    """Raised by `source[index]` for an element that drops out, as if a filter had refused it."""
