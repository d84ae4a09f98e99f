"""What asks outside: the one HTTP client. Nothing else in Postroom opens a connection to an address it was given."""
