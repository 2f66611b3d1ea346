"""Folders of files: which there are, their classes, splits, and their content by index."""
