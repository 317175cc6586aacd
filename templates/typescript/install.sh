#!/bin/sh
# Installs the function's packages: exactly what a lock file says, where there is one. The argument is the program that is Bun.
set -eu
cd function
for lock in bun.lock bun.lockb package-lock.json yarn.lock pnpm-lock.yaml; do
  if [ -e $lock ]; then frozen=--frozen-lockfile; fi
done
"$1" install ${frozen:-}
