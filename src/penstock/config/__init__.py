"""Configuration: the project's file, a run's file, the environment, the command line."""

from penstock.config.project import Backend, Config, StackConfig, expand, read_config
from penstock.core.place import Place, near

__all__ = ["Backend", "Config", "Place", "StackConfig", "expand", "near", "read_config"]
