"""Runs compared: what went in, what came out, and how that is shown."""
