#!/bin/sh
# Installs the function's gems into gems: exactly what Gemfile.lock says, where there is one.
set -eu
export GEM_HOME="$PWD/gems"
if [ -e function/Gemfile.lock ]; then export BUNDLE_FROZEN=true; fi
BUNDLE_GEMFILE=function/Gemfile bundle install --quiet
