#!/bin/bash
# Starts MongoDB: makes the key of the replica set when there is none, and hands over to the image's own entry point, which takes the arguments.
set -euo pipefail
key=/keys/replica-set.key
if [[ ! -s $key ]]; then
  (umask 077 && head -c 756 /dev/urandom | base64 -w 0 >"$key.part")
  mv "$key.part" "$key"
fi
# mongod refuses a key that others may read.
chown mongodb:mongodb "$key"
chmod 0400 "$key"
exec docker-entrypoint.sh "$@"
