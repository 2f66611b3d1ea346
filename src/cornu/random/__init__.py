"""The face of random numbers."""

from cornu.absent import names_of
from cornu.random.draw import (
    beta as beta,
    binomial as binomial,
    categorical as categorical,
    dropout as dropout,
    gamma as gamma,
    normal as normal,
    randint as randint,
    shuffle as shuffle,
    truncated_normal as truncated_normal,
    uniform as uniform,
)
from cornu.random.seed import SeedGenerator as SeedGenerator

globals()["__getattr__"] = names_of(__name__)
