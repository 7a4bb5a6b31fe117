"""The copy of a patient's record as one file to hand over."""

import io
import json
import zipfile
from typing import Final

from consultations.services.erasure import PatientCopy

_ABOUT: Final = """\
This is a copy of what DermaTech Ghana holds about one consultation, made because the patient (or who
answers for them) asked for it under the Data Protection Act, 2012 (Act 843).

record.json   what was asked, seen, advised and decided
*.jpeg, *.webp   the photos that were kept

Give it to the patient and to nobody else.
"""


def packed(copy: PatientCopy) -> bytes:
    """A ZIP archive: about.txt, record.json and the pictures. At most five pictures of 2 MB each."""
    packing = io.BytesIO()
    # Pictures are compressed already.
    with zipfile.ZipFile(packing, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("about.txt", _ABOUT)
        archive.writestr("record.json", json.dumps(copy.record, indent=2, default=str) + "\n")
        for name, content in copy.pictures.items():
            archive.writestr(name, content)
    return packing.getvalue()
