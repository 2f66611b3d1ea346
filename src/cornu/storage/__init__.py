"""Whole models and their weights, in files and out of them."""
