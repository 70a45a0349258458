"""Lets the tests import the example's modules, wherever pytest is started."""
