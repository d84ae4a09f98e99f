"""The Agent Email dialect, at /v1/agent-email: one file a resource. Thin: it reads, asks the desk, shows."""
