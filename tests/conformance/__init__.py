"""What the conformance suites ask of any MCP server, put on ours for a test."""
