#!/bin/sh
# Collect and compress the static files into the folder $1, with names that hold their hash.
# Production settings want secrets; these live as long as this script.
set -eu
python=${PYTHON:-/venv/bin/python}
secret() { "$python" -c 'import base64, secrets; print(base64.urlsafe_b64encode(secrets.token_bytes(32)).decode())'; }
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
FIELD_KEYS="build:$(secret)" SECRET_KEY=$(secret) JWT_SIGNING_KEY=$(secret) AUDIT_SIGNING_KEY=$(secret)
export FIELD_KEYS SECRET_KEY JWT_SIGNING_KEY AUDIT_SIGNING_KEY
DERMATECH_ENV=production DATA_DIR="$scratch" STATIC_ROOT="$1" "$python" manage.py collectstatic --no-input --verbosity 0
