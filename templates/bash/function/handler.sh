#!/usr/bin/env bash
# stdin is the request's body; Http_Method, Http_Path, Http_Query and each header (Http_Content_Type) are variables.
# What goes to stderr is in the function's log. An exit code other than 0 is answered 500.
set -euo pipefail

# The answer begins with its head: a status and any headers, up to an empty line.
printf 'Status: 200\nContent-Type: application/json\n\n'
jq --raw-input --slurp --compact-output --arg method "${Http_Method:-}" \
  '{message: "Hello from Bash", method: $method, received: .}'
