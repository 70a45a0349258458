"""What notebooks and pages show of pipelines, runs, steps and artifacts, as HTML."""
