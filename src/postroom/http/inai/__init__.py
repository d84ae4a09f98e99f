"""The inai dialect, at /api/v0: one file a resource. Thin: it reads, asks the desk, and shows what it says."""
