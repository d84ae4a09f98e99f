"""The MCP face: puts operations into tools for agents. Imports neither store, mime nor net."""
