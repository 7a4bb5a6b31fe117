"""Supervisors look at cases: which first, what they thought, and how far everybody agrees."""
