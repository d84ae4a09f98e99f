"""Every change of the schema, numbered, from the first. Alembic runs what `store.schema` asks it to."""
