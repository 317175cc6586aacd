#!/bin/sh
# Installs the function's packages into vendor: exactly what composer.lock says, where there is one.
set -eu
cd function
composer install --no-interaction --no-progress --no-scripts "$@"
