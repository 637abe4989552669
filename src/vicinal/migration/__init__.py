"""Migration of collections from one kind of database to another."""
