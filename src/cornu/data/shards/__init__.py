"""Shards: many samples in a few tar files, read by random access."""
