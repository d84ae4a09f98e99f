"""One file a resource; a query is a value. Lists never select bodies, and each has the composite index it needs."""
