"""Pure values: digests, records, the graph, events, ports, and the I/O layer."""
