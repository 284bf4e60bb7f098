"""Find every picture of a person among the photos of an event."""

__version__ = "0.1.0"
