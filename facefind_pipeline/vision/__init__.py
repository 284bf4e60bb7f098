"""Photos into faces into vectors: decode, detect, align, embed. Knows neither Dagster nor the database."""
