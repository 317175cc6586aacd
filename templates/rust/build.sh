#!/bin/sh
# Builds the function as ./handler; the argument is cargo's profile, dev or release. main.rs becomes a program of the handler's own
# crate: so its Cargo.toml and its Cargo.lock say what it is made of.
set -eu
profile=$1
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}"
cd function
mkdir -p src/bin
cmp -s ../main.rs src/bin/skep-main.rs || cp ../main.rs src/bin/skep-main.rs
# Exactly what the lock file says, where there is one.
cargo build --quiet $([ ! -e Cargo.lock ] || echo --locked) --profile "$profile" --bin skep-main
cp "$CARGO_TARGET_DIR/$([ "$profile" = dev ] && echo debug || echo "$profile")/skep-main" ../handler.new
mv -f ../handler.new ../handler # in one step: the one before may be running
