"""What lies where of people and photos, how it is forgotten, and the proof that it is gone; no Dagster, no pixels."""
