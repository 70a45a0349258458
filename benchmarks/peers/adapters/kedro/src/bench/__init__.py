"""A Kedro project."""
