#!/bin/sh
# Make the secrets of compose.yaml in docker/secrets, each once; a file that exists is left alone.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir -p secrets
random() { head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '\n'; }
word() { head -c 24 /dev/urandom | base64 | tr -d '+/=\n'; }
keep() { # keep NAME VALUE
    # Readable inside the container by its own user; the folder keeps everybody else out.
    [ -s "secrets/$1" ] || { printf '%s' "$2" >"secrets/$1"; chmod 0644 "secrets/$1"; echo "made docker/secrets/$1"; }
}
keep secret_key "$(random)"
keep jwt_signing_key "$(random)"
keep field_keys "k1:$(random)"
keep photo_keys "k1:$(random)"
keep audit_signing_key "$(random)"
keep metrics_token "$(word)"
keep database_password "$(word)"
keep database_url "postgresql://dermatech:$(cat secrets/database_password)@database:5432/dermatech"
keep redis_password "$(word)"
keep redis_url "redis://:$(cat secrets/redis_password)@redis:6379/0"
keep s3_access_key "$(word)"
keep s3_secret_key "$(word)"
