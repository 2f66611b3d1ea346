"""Seeds: where random numbers come from, and how a program repeats itself.

A `SeedGenerator` is a counter in a Variable: `next()` returns the present state and advances it.
Being an ordinary non-trainable variable it travels with the state of a model, so every strategy of
training, every resume and every reload draws the same numbers.

While a data pipeline maps an element (`context.local.element`), a generator leaves its state alone
and derives what it gives from its seed and that element: the same numbers in any order, and in any
number of threads. Two generators of one seed give the same numbers for an element, so that an image
and its mask are transformed alike.
"""

import random as python_random
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cornu import names
from cornu.arguments import is_int
from cornu.context import local, name_scope
from cornu.core.frame import frame_for_writing, is_tracing
from cornu.core.objects.configurable import Configurable
from cornu.core.variable import Variable
from cornu.errors import unknown_arguments, value_error

_process: dict[str, Any] = {"generator": None}


class SeedGenerator(Configurable):
    """A sequence of seeds, each different, that continues where it stopped.

    Args:
        seed: non-negative int to start from; drawn from Python's generator if None.
        name: name of the generator.

    Example:

        >>> seeds = SeedGenerator(1337)
        >>> seeds.next().tolist(), seeds.next().tolist()
        ([1337, 0], [1337, 1])
    """

    def __init__(self, seed: int | None = None, name: str | None = None, **kwargs: Any):
        if kwargs:
            text = unknown_arguments("SeedGenerator", kwargs, ("seed", "name"))
            raise ValueError(text)  # as in Keras
        seed = make_default_seed() if seed is None else seed
        if not is_int(seed) or seed < 0:
            raise value_error(f"seed must be a non-negative integer, got {seed!r}.")
        self.seed = int(seed)
        self.name = name or names.auto_name(self)
        with name_scope(self.name):
            self.state = Variable(
                np.array([self.seed % 2**32, 0], np.uint32),
                dtype="uint32",
                trainable=False,
                autocast=False,
                name="seed_generator_state",
            )

    def next(self, ordered: bool = True) -> jax.Array:
        """The present seed, uint32 of shape `(2,)`; the next call gives another one."""
        if local.element is not None and not local.frame and not is_tracing():
            return jnp.asarray(_words(self.seed, *local.element, _draw_of(self)))
        state = self.state.value
        self.state.assign(state + _ONE_STEP)
        return state

    def get_config(self) -> dict[str, Any]:
        return {"seed": self.seed, "name": self.name}


_ONE_STEP = np.array([0, 1], np.uint32)
_64_BITS = 2**64 - 1


def _draw_of(generator: SeedGenerator) -> int:
    """How often the generator was asked while the present element is mapped."""
    local.draws[id(generator)] = count = local.draws.get(id(generator), -1) + 1
    return count


def _words(*numbers: int) -> np.ndarray:
    """Two uint32 words that depend on all the numbers, mixed as SplitMix64 does (Steele, 2014)."""
    mixed = 0
    for number in numbers:
        mixed = (mixed + number + 0x9E3779B97F4A7C15) & _64_BITS
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _64_BITS
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _64_BITS
        mixed ^= mixed >> 31
    return np.array([mixed & 0xFFFFFFFF, mixed >> 32], np.uint32)


def make_default_seed() -> int:
    """A seed drawn from Python's generator, which `set_random_seed` fixes."""
    return python_random.randint(1, int(1e9))


def global_seed_generator() -> SeedGenerator:
    """The generator behind every random function that is given no seed."""
    if _process["generator"] is None:
        _process["generator"] = SeedGenerator(name="global_seed_generator")
    return _process["generator"]


def draw_seed(seed: Any) -> Any:
    """Two uint32 words for one draw, from an int, a `SeedGenerator`, an array or None.

    Raises:
        ValueError: it is none of these.
    """
    if isinstance(seed, SeedGenerator):
        return seed.next()
    if is_int(seed):
        return jnp.asarray(np.array([int(seed) % 2**32, 0], np.uint32))
    if isinstance(seed, jax.Array):
        return seed
    if seed is None:
        generator = global_seed_generator()
        if is_tracing() and frame_for_writing(generator.state) is None:
            raise value_error(
                "A random function without a seed is called while JAX traces a function, which "
                "would draw the same numbers at every call.",
                fix="seed=seed\nan argument of the function, such as jax.random.PRNGKey(0)",
            )
        return generator.next()
    raise value_error(
        f"seed must be an integer, a SeedGenerator or None, got {type(seed).__name__}.",
        fix="seed=1337, or keras.random.SeedGenerator(1337) for new numbers at every call.",
    )


def set_random_seed(seed: int) -> None:
    """Make everything random repeat itself: Python, numpy, and this library.

    Two runs of a script that calls this first give the same bits.

    Args:
        seed: a non-negative int.

    Example:

        >>> import random
        >>> set_random_seed(7)
        >>> first = random.random()
        >>> set_random_seed(7)
        >>> random.random() == first
        True
    """
    if not is_int(seed) or seed < 0:
        raise value_error(f"seed must be a non-negative integer, got {seed!r}.")
    python_random.seed(int(seed))
    np.random.seed(int(seed) % 2**32)
    _process["generator"] = SeedGenerator(int(seed), name="global_seed_generator")


def forget_global_seed() -> None:
    """Start the generator behind unseeded functions anew at its next use."""
    _process["generator"] = None
