#!/bin/sh
# Fetches the server, and into lib what pom.xml says that the function is run with. Files whose checksum is wrong are refused.
set -eu
fetch() {
  goal=$1 folder=$2
  shift 2
  rm -rf "$folder.new"
  mvn --batch-mode --no-transfer-progress --quiet -Dstyle.color=never --strict-checksums \
    "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:$goal" -DoutputDirectory="$PWD/$folder.new" "$@"
  mkdir -p "$folder.new"
  rm -rf "$folder"
  mv "$folder.new" "$folder"
}
jar=server/httpcore5-5.4.4.jar
[ -e $jar ] || fetch copy server -Dartifact=org.apache.httpcomponents.core5:httpcore5:5.4.4
sum=$( (sha256sum $jar 2>/dev/null || shasum -a 256 $jar) | cut -d ' ' -f 1) # macOS has the latter
if [ "$sum" != b08e3c3a440fec2029e89980134c7c787dd6796454641ad1eafb81478d7e8b0b ]; then
  echo "The server's httpcore5-5.4.4.jar is not the one of Maven Central (sha256 ${sum:-cannot be had}): see which repository or mirror Maven's settings.xml names, and remove the file from Maven's local repository." >&2
  rm -rf server
  exit 1
fi
[ ! -e function/pom.xml ] || fetch copy-dependencies lib -DincludeScope=runtime --file function/pom.xml
