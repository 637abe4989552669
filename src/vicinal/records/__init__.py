"""What happens to records: inserted, updated, removed, read. Plans for one commit each."""
