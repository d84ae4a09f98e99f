"""The HTTP face: puts operations into routes, one folder a dialect. Imports neither store, mime nor net."""
