"""Carries the log to those who listen: wakes live listeners, and waits for a message on a caller's behalf."""
