"""Einstein's notation for two operands, read apart: which letters stand for which axes."""

import string

import jax


def letters_of(subscripts: str, *ranks: int) -> tuple[str, str, str] | None:
    """Operands and result as plain letters, the ellipsis written out; None for other forms.

    Args:
        subscripts: such as `"...ij,jk->...ik"`.
        *ranks: the number of axes of either operand.

    Example:

        >>> letters_of("ij,jk->ik", 2, 2)
        ('ij', 'jk', 'ik')
        >>> letters_of("...j,jk->...k", 3, 2)
        ('abj', 'jk', 'abk')
    """
    operands, arrow, result = subscripts.replace(" ", "").partition("->")
    parts = operands.split(",")
    if not arrow or len(parts) != 2:
        return None
    free = [c for c in string.ascii_letters if c not in subscripts]
    dots = {rank - len(p) + 3 for p, rank in zip(parts, ranks, strict=True) if "..." in p}
    if len(dots) > 1 or ("..." in result) != bool(dots):
        return None
    written = "".join(free[: dots.pop()]) if dots else ""
    first, second, result = (p.replace("...", written) for p in (*parts, result))
    return first, second, result


def fits(letters: tuple[str, str, str], a: jax.Array, b: jax.Array) -> bool:
    """Whether the letters name each axis once, agree with the sizes, and sum over shared axes only.

    Example:

        >>> import jax.numpy as jnp
        >>> fits(("ij", "jk", "ik"), jnp.ones((2, 3)), jnp.ones((3, 4)))
        True
        >>> fits(("ii", "ik", "k"), jnp.ones((2, 2)), jnp.ones((2, 4)))
        False
    """
    first, second, result = letters
    once = all(len(set(part)) == len(part) for part in letters)
    if not once or len(first) != a.ndim or len(second) != b.ndim:
        return False
    sizes = dict(zip(first, a.shape, strict=True))
    alike = all(sizes.get(c, n) == n for c, n in zip(second, b.shape, strict=True))
    summed_alone = (set(first) ^ set(second)) - set(result)
    return alike and not summed_alone and set(result) <= set(first) | set(second)
