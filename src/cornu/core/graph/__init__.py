"""Operations, and the graphs of their calls."""
