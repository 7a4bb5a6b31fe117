"""Real services for tests: PostgreSQL, Redis, web and worker processes, started and ended here."""
