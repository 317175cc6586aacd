#!/usr/bin/env bash
set -euo pipefail
cd "$(dirname "$0")"

answer=$(printf hi | Http_Method=POST bash handler.sh)
wanted='{"message":"Hello from Bash","method":"POST","received":"hi"}'
if [[ $answer != *$wanted ]]; then
  echo "handler.sh answered: $answer" >&2
  echo "instead of:          $wanted" >&2
  exit 1
fi
echo 'handler.sh says hello and gives back what it received'
