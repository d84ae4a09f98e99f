"""Keeps everything: tables, queries as values, the two databases, large messages as files, the locks of a folder."""
