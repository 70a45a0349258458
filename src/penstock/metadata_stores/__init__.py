"""Where records live: one SQLite file, or this process's memory."""
