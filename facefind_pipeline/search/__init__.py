"""Searching and ranking: nearest photos of a person, live and stored, and the recall of an index."""
