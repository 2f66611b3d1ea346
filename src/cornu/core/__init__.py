"""The mechanisms. Importing any of them starts the engine, before JAX compiles anything."""

from cornu.engine import runtime
from cornu.kernels import reduce

runtime.start()
reduce.install()
