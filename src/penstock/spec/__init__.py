"""The readable spec: a graph as YAML that a person can read and edit, and back."""
