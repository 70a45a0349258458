"""What people see of runs, whatever shows it: a terminal, a log, a notebook, a page."""
