"""Where one call runs: here, or in a process of its own."""
