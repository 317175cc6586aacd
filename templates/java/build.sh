#!/bin/sh
# Builds the function as ./function.jar; the argument is Maven's phase, compile or test.
set -eu
[ -d server ] && [ -d lib ] || sh install.sh
(cd function && mvn --batch-mode --no-transfer-progress --quiet -Dstyle.color=never --strict-checksums "$1")
rm -rf server-classes
# The function's packages come first: it runs with what it was tested with.
if ! javac -encoding UTF-8 -XDignore.symbol.file -d server-classes -cp "function/target/classes:lib/*:server/*" Server.java; then
  for jar in lib/httpcore5-[0-9]*.jar; do
    [ ! -e "$jar" ] || echo "pom.xml brings $jar, which may be too old for the function's server: take version 5.4.4 of org.apache.httpcomponents.core5:httpcore5 there, or a newer one." >&2
  done
  exit 1
fi
jar --create --file function.jar.new -C function/target/classes . -C server-classes .
mv -f function.jar.new function.jar # in one step: the one before may be running
