"""Our own dialect, /v1/postroom: what the others lack."""
