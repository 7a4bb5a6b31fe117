"""Suspicions that must be passed on: what makes them so, the form, and that it was sent."""
