"""What answers in a browser, and who may ask: no Dagster, no pixels."""
