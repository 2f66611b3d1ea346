"""Objects that are made from a config and saved as one, and what they own."""
