"""Shapes of what comes in and goes out. Meaning is in the services."""
