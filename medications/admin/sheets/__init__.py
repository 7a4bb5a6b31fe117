"""Medicines and treatments as spreadsheets: out, and in again after a look at what would change."""
