"""Bytes to words and words to bytes: pure functions without I/O, the RFC section beside the line that obeys it."""
