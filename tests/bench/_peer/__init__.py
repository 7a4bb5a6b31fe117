"""The other design: FastAPI and SQLAlchemy over the same tables. Built by the bench, never shipped."""
