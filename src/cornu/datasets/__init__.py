"""Small data sets for learning and testing, one module each."""

from cornu.absent import names_of
from cornu.datasets import (
    boston_housing as boston_housing,
    california_housing as california_housing,
    cifar10 as cifar10,
    cifar100 as cifar100,
    fashion_mnist as fashion_mnist,
    imdb as imdb,
    mnist as mnist,
    reuters as reuters,
)

globals()["__getattr__"] = names_of(__name__)
