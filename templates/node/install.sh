#!/bin/sh
# Installs the function's packages: exactly what a lock file of npm says, where there is one.
set -eu
cd function
if [ -e package-lock.json ] || [ -e npm-shrinkwrap.json ]; then
  command=ci
elif [ -e yarn.lock ] || [ -e pnpm-lock.yaml ]; then
  echo 'This template keeps to the lock file of npm, and there is another one alone: make package-lock.json beside it, with "npm install --package-lock-only".' >&2
  exit 1
else
  command='install --no-package-lock' # one that it wrote would be the law where it is run again
fi
npm $command --no-audit --no-fund --loglevel=error
