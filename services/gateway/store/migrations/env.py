"""Run by Alembic with the connection that ``services.gateway.store.schema`` holds."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=context.config.attributes.get("meta"),
    render_as_batch=True,  # SQLite cannot change a column in place
    transactional_ddl=True,  # SQLite's is, whatever Alembic assumes: a crash leaves the tables as they were
    transaction_per_migration=False,
)
context.run_migrations()
