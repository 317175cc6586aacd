#!/bin/sh
# Builds the function as ./handler. main.go becomes a package of the handler's own module, whatever that is called: so its go.mod,
# its go.sum and its vendor folder say what it is made of.
set -eu
export GOWORK=off # one above this folder is about something else
cd function
module=$(go list -m)
mkdir -p skep-main
sed "s#\"handler/function\"#\"$module\"#" ../main.go > skep-main/main.go
go build -ldflags '-s -w' -o ../handler.new ./skep-main
mv -f ../handler.new ../handler # in one step: the one before may be running
