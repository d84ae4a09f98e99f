"""Postroom: the mail server for software agents."""

__version__ = "0.1.0"
