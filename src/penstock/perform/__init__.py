"""One call, from its arguments to its stored outputs, wherever it runs."""
