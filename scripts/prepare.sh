# Sourced by up, down and test: goes to the root of the checkout and brings what `npm ci` installs.
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
for program in node npm; do
  if ! command -v "$program" >/dev/null; then
    printf 'error: %s is missing\n\nInstall Node.js 20 or newer with npm (Debian, Ubuntu: apt-get install nodejs npm), then run this again.\n' "$program" >&2
    exit 1
  fi
done
if ! node scripts/dependencies-installed.mjs; then
  echo '… installing what package-lock.json names (npm ci)'
  if ! npm ci --no-audit --no-fund --loglevel=error; then
    printf '\nerror: npm ci failed\n\nThe lines above say why. Check that npm reaches its registry (npm ping), then run this again.\n' >&2
    exit 1
  fi
fi
bun=node_modules/.bin/bun
if ! "$bun" --version >/dev/null 2>&1; then
  printf 'error: Bun does not start on this machine\n\nTry rm -rf node_modules and npm ci; see what %s --version says.\n' "$bun" >&2
  exit 1
fi
