"""What is in data: counts, ranges, classes, copies, and what looks like a mistake."""
