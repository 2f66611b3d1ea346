"""Small data sets to learn and to test with, one module each."""

from cornu.datasets import fashion_mnist as fashion_mnist, mnist as mnist
