"""The whole knowledge out and in: as one JSON document, or table by table as XLSX or CSV.

Reading is strict and names the place of whatever is wrong; `plan` says what an import would change and
changes nothing; `carry_out` does what was planned, if nothing moved in between.
"""

from triage.services.exchange.plans import Change, ImportPlan, plan
from triage.services.exchange.reading import Incoming, read, read_set, read_table
from triage.services.exchange.tables import FORMATS, TABLES
from triage.services.exchange.writing import carry_out, export_set, export_table

__all__ = [
    "FORMATS",
    "TABLES",
    "Change",
    "ImportPlan",
    "Incoming",
    "carry_out",
    "export_set",
    "export_table",
    "plan",
    "read",
    "read_set",
    "read_table",
]
