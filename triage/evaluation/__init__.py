"""How good the differential is, measured: on the vignettes, and on real cases against simpler rankings.

Nothing here runs when a patient is waiting; `manage.py evaluate_differential` calls it.
"""
