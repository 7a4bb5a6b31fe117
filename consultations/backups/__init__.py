"""Backups: the database and the files that its rows name, consistent with each other, in one folder.

    manifest.json      what is in it, each with SHA-256 and size; last to be written
    database/          one SQLite file, or one file a table of PostgreSQL
    objects/ab/abcd…   the files of the photo store, by the SHA-256 of what is stored (sealed ones stay so)

Secrets are not in it: keep them apart.
"""
