"""Machine-learning pipelines of plain typed Python functions."""

__version__ = "0.1.0"
