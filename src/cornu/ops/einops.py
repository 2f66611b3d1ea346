"""`rearrange`: reshape and transpose by naming the axes (Rogozhnikov, 2022).

    "b (h p) w c -> b h w (p c)"       left: the axes of the input; right: those of the result

Both sides are parsed into groups of names; the tensor is reshaped to one axis per name, transposed,
and reshaped to the groups on the right.
"""

import re
from collections.abc import Iterable
from typing import Any

import jax.numpy as jnp

from cornu.core.graph.op import op, shape_rule
from cornu.core.graph.operands import tensor
from cornu.core.symbolic import KerasTensor
from cornu.errors import value_error
from cornu.types import Shape, Tensor

Groups = list[list[str]]


@op(tensors=2, named=("axes_lengths",))
def rearrange(tensor: Tensor, pattern: str, **axes_lengths: int) -> Tensor:
    """Split, merge and transpose axes by name.

    Args:
        tensor: array.
        pattern: names of the axes, `->`, and the names in the order wanted; names in parentheses
            form one axis, `1` is an axis of size 1.
        **axes_lengths: sizes of the axes that cannot be inferred from the shape.

    Example:

        >>> rearrange(jnp.zeros((2, 6, 3)), "b (h p) c -> b h (p c)", p=2).shape
        (2, 3, 6)
    """
    x = _array(tensor)
    left, right = _parse(pattern)
    sizes = _sizes(left, x.shape, axes_lengths, pattern)
    names = [name for group in left for name in group]
    x = x.reshape([sizes[name] for name in names])
    order = [name for group in right for name in group]
    kept = [name for name in names if name in order]
    gone = tuple(i for i, name in enumerate(names) if name not in order)
    x = jnp.squeeze(x, gone)
    old = [name for name in order if name in kept]
    x = jnp.transpose(x, [kept.index(name) for name in old])
    return x.reshape([_product(sizes.get(name, 1) for name in group) for group in right])


_array = tensor


@shape_rule(rearrange)
def _rearranged(tensor: KerasTensor, pattern: str, **axes_lengths: int) -> KerasTensor:
    left, right = _parse(pattern)
    sizes = _sizes(left, tensor.shape, axes_lengths, pattern)
    shape = [_product(sizes.get(name, 1) for name in group) for group in right]
    return KerasTensor(shape, tensor.dtype, sparse=tensor.sparse)


def _product(sizes: Iterable[Any]) -> Any:
    """The product; None if a factor is unknown."""
    total: Any = 1
    for size in sizes:
        if size is None:
            return None
        total = total * size
    return total


def _parse(pattern: str) -> tuple[Groups, Groups]:
    sides = pattern.split("->")
    if len(sides) != 2:
        raise value_error(
            f"rearrange: a pattern must have one arrow, got {pattern!r}.", fix='"b h w -> b w h"'
        )
    left, right = (_groups(side, pattern) for side in sides)
    for side in (left, right):
        names = [name for group in side for name in group if not name.startswith("1#")]
        if len(names) != len(set(names)):
            raise value_error(f"rearrange: {pattern!r} has a name twice on one side.")
    known, wanted = (
        {name for group in side for name in group if not name.startswith("1#")}
        for side in (left, right)
    )
    if known != wanted:
        odd = ", ".join(sorted(known ^ wanted))
        raise value_error(f"rearrange: {odd} is on one side of {pattern!r} only.")
    return left, right


def _groups(side: str, pattern: str) -> Groups:
    if side.count("(") != side.count(")") or re.search(r"\([^)]*\(", side):
        raise value_error(f"rearrange: the parentheses of {pattern!r} do not match.")
    groups: Groups = []
    for number, token in enumerate(re.findall(r"\([^)]*\)|\S+", side)):
        names = token.strip("()").split()
        # each axis of size 1 gets a name of its own
        names = [f"1#{number}.{i}" if n == "1" else n for i, n in enumerate(names)]
        groups.append(names)
    return groups


def _sizes(left: Groups, shape: Shape, given: dict[str, int], pattern: str) -> dict[str, Any]:
    if len(left) != len(shape):
        raise value_error(
            f"rearrange: tensor must have {len(left)} axes for {pattern!r}.",
            received=f"{tuple(shape)}",
        )
    sizes: dict[str, Any] = dict(given)
    for group, size in zip(left, shape, strict=True):
        sizes.update({name: 1 for name in group if name.startswith("1#")})
        open_names = [name for name in group if name not in sizes]
        if len(open_names) > 1:
            raise value_error(
                f"rearrange: the sizes of {', '.join(open_names)} cannot be inferred.",
                fix=f"rearrange(x, {pattern!r}, {open_names[0]}=...)",
            )
        known = _product(sizes[name] for name in group if name in sizes)
        if open_names:
            sizes[open_names[0]] = None if size is None else size // known
        if isinstance(size, int) and _product(sizes[name] for name in group) != size:
            raise value_error(
                f"rearrange: an axis of size {size} cannot be split into ({' '.join(group)}).",
                received=f"{tuple(shape)}, {given}",
            )
    return sizes
