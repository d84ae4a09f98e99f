"""OAuth over HTTP: where clients learn of it, the pages that a person answers, the endpoints that clients ask."""
