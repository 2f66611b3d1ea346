"""The mechanisms. Importing any of them starts the engine, before JAX compiles anything."""

from cornu import runtime

runtime.start()
