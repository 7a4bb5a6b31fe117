"""A consultation as a FHIR R4 Bundle, for other systems to read. Nothing comes in this way.

`source` reads the rows into a frozen `Record`; everything else maps that record to resources, without
Django, clock or chance: the same record gives the same bytes.
"""
