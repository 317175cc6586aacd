#!/bin/sh
# Installs the function's packages into packages: a folder of their own, in front of the system's, works with every pip. Paths in
# requirements.txt begin in the function's folder.
set -eu
rm -rf packages
cd function
if [ -e pip.conf ]; then export PIP_CONFIG_FILE="$PWD/pip.conf"; fi
# In one word: pyenv does work of its own after "-m pip", which two at a time fail at.
python3 -mpip install --disable-pip-version-check --quiet --target ../packages -r requirements.txt
