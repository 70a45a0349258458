"""The command line: one file a command; `terminal.py` owns all output."""
