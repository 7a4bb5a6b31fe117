"""Wiring. A process that sends or does tasks imports `dermatech.celery`; the others go without."""
