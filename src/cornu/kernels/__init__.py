"""Lowerings of single computations, picked by platform, sizes and dtype while a program is traced.

Each file opens with a table: condition, lowering, measured reason. Where no other is named, the
figures are milliseconds on one core of a two-core x86-64 server processor with AVX-512 and 2 MB of
second-level cache per core, with jax and jaxlib 0.10.2 on Linux; "f+b" is forward and gradients.

A table is followed by the rows of `benchmarks/kernels.py` that measure its reasons. `make
bench-kernels` prints each row beside the plain form and says which lowerings no longer pay with the
jax that is installed: run it when jax changes, and remove what has lost.
"""
