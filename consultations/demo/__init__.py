"""A service as it may look after a year, made in minutes: for trying the admin at its size."""
