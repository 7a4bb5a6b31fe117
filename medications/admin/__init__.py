"""The admin of the formulary: working rows are edited here, and releases are made of them."""

from medications.admin import medicines, releases, treatments, words

__all__ = ["medicines", "releases", "treatments", "words"]
