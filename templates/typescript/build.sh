#!/bin/sh
# Bundles handler and packages into index.js: nothing is resolved or transpiled when a request comes. The argument is the program that
# is Bun. What the bundle says of its own place is where the handler lies beside it when it runs, so that files there are found.
set -eu
"$1" build --target=bun --outfile=index.js --define process.stdout=process.stderr \
  --banner 'const $skepFolder = import.meta.dir + "/function", $skepUrl = Bun.pathToFileURL($skepFolder + "/handler.ts").href;' \
  --define 'import.meta.url=$skepUrl' --define 'import.meta.dir=$skepFolder' --define 'import.meta.dirname=$skepFolder' index.ts
