"""Functions become graphs: steps, pipelines, promises, and the code that they reach."""
