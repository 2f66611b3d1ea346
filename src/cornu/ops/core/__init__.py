"""Tensors themselves, control flow, and blocks and elements at given indices."""
