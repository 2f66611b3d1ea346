"""The process and the compiler: what starts with the first import of `core`, and what it counts."""
