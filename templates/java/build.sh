#!/bin/sh
# Builds the function as ./function.jar; the argument is Maven's phase, compile or test. Server.java becomes a class of the handler's
# own project.
set -eu
[ -d lib ] || sh install.sh
classes=function/src/main/java/function
mkdir -p $classes
cmp -s Server.java $classes/Server.java || cp Server.java $classes/Server.java
(cd function && mvn --batch-mode --no-transfer-progress --quiet -Dstyle.color=never --strict-checksums "$1")
jar --create --file function.jar.new -C function/target/classes .
mv -f function.jar.new function.jar # in one step: the one before may be running
