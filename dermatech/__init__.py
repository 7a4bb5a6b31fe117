"""Wiring. The Celery application is imported with the package, so that every process that sends a
task sends it to our broker."""

from dermatech.celery import app as celery_app

__all__ = ["celery_app"]
