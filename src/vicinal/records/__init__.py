"""Operations on rows: insert, update, remove, read. Each write is planned as one commit."""
