#!/bin/sh
# Wait for the database, migrate only where MIGRATE=1 asks for it, then become the given command.
set -eu
umask 077
python -m dermatech.run.await_database
if [ "${MIGRATE:-0}" = "1" ]; then
    python manage.py migrate --no-input
    python manage.py load_starter_knowledge
fi
exec "$@"
