"""Records in a SQL database: the statements stand in `.sql` files beside the code."""

from penstock.metadata_stores.sql.store import SqlStore

__all__ = ["SqlStore"]
