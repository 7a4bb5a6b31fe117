"""Image models as packages: checked before they are trusted, run once per process, never an oracle.

Here, without a database: `load_package`, `Session`, `Prediction`. Against the installed models:
`consultations.inference.active` (`active_model`, `predict`) and `consultations.inference.services`
(`install_model`, `activate_model`, `retire_model`).
"""
