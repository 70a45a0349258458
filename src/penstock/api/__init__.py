"""Thin faces for users: pipelines that run, and runs as objects."""
