"""The admin of the knowledge: working rows are edited here, and releases are made of them."""

from triage.admin import guidelines, releases, skin, vignettes

__all__ = ["guidelines", "releases", "skin", "vignettes"]
