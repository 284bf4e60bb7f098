"""Checks of `facefind doctor`: each thing is broken on purpose."""
