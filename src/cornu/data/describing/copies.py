"""Samples that come twice, by a hash of each: 8 bytes, however large the sample is."""

import hashlib
from array import array
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

NEAR = 5  # bits in which images differ that look the same
MOST = 20_000_000  # samples that are compared


class Seen(NamedTuple):
    """Hashes of samples and of their labels, `(samples,)` of uint64."""

    samples: np.ndarray
    labels: np.ndarray


class Copies:
    """Hashes of the samples that pass by."""

    def __init__(self) -> None:
        self._samples, self._labels = array("Q"), array("Q")  # 16 bytes per sample

    def add(self, samples: Iterable[bytes], labels: Iterable[str]) -> None:
        """Take in samples as bytes, and what they are called."""
        if len(self._samples) >= MOST:
            return
        self._samples.extend(map(short_hash, samples))
        self._labels.extend(hash(label) & _MASK for label in labels)

    def seen(self) -> Seen:
        """All hashes."""
        return Seen(np.array(self._samples, np.uint64), np.array(self._labels, np.uint64))


_MASK = (1 << 64) - 1


def short_hash(sample: bytes) -> int:
    """A hash that is the same in every process."""
    return int.from_bytes(hashlib.blake2b(sample, digest_size=8).digest(), "little")


def copies_in(seen: Seen) -> tuple[int, int]:
    """How many samples came before, and how many of those with another label."""
    if not len(seen.samples):
        return 0, 0
    order = np.lexsort((seen.labels, seen.samples))
    samples, labels = seen.samples[order], seen.labels[order]
    again = samples[1:] == samples[:-1]
    other = again & (labels[1:] != labels[:-1])
    return int(again.sum()), int(other.sum())


def shared_by(train: Seen, test: Seen) -> int:
    """How many samples of the test data are in the training data, too."""
    return int(np.isin(test.samples, train.samples).sum())


def similar_in(looks: np.ndarray) -> int:
    """How many images look like an earlier one.

    Args:
        looks: 64 bits of each image, `(images,)` of uint64: where it becomes darker to the right.

    Bits of equal images differ where neighbours are nearly equal. One of four quarters of the bits
    is likely to be the same, so in one of four sorted orders such images are next to each other.
    """
    found: set[int] = set()
    for shift in (0, 16, 32, 48):
        turned = (looks << np.uint64(shift)) | (looks >> np.uint64((64 - shift) % 64))
        order = np.argsort(turned, kind="stable")
        apart = np.ascontiguousarray(looks[order[1:]] ^ looks[order[:-1]])
        bits = np.unpackbits(apart.view(np.uint8)).reshape(-1, 64).sum(axis=1)
        near = np.flatnonzero(bits <= NEAR)
        found.update(np.maximum(order[near], order[near + 1]).tolist())
    return len(found)


def rows_as_bytes(arrays: list[np.ndarray]) -> list[bytes]:
    """The samples of a chunk, whose arrays have their rows in common."""
    parts = []
    for column in arrays:
        if column.dtype.kind in "biufc":
            flat = np.ascontiguousarray(column).reshape(len(column), -1)
            size = flat.shape[1] * flat.itemsize
            data = flat.tobytes()
            parts.append([data[k * size : (k + 1) * size] for k in range(len(column))])
        else:
            parts.append([repr(value).encode() for value in column.tolist()])
    return parts[0] if len(parts) == 1 else [b"\0".join(row) for row in zip(*parts, strict=True)]
