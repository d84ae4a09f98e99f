"""What the text of /v1/agent-email promises, held through a client that knows nothing but that text."""
