"""Find every picture of a person among the photos of an event."""

from facefind_pipeline.telemetry import switch_off

__version__ = "0.1.0"

switch_off()
