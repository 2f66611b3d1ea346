"""Functions of JAX over Variables, and compiled programs that are kept."""
