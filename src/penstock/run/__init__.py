"""From graphs to records: plan, engine, calls, commits, artifacts, recovery."""
