"""Collections moved from one kind of database to another."""
