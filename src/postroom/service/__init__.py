"""Does it: one file a resource, plain functions inside a transaction, all through the one door, `desk.call`."""
