"""From a question to hits: plan, search, fetch."""
