"""Decoders: from the bytes of a file to an array, within limits and without the GIL."""
