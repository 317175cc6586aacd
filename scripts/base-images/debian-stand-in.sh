#!/bin/bash
# Builds a Debian image from packages and prints it as a tar on stdout. Started by debian-stand-in.ts, as root.
# Reads: SUITE, MIRROR (may be empty: debootstrap's own default), SECURITY_MIRROR, APT_PROXY, CERTIFICATES (folder, may be empty).
set -euo pipefail
exec 3>&1 1>&2 # progress goes to stderr: stdout is the image

work=$(mktemp -d /var/tmp/skep-debian.XXXXXX)
trap 'rm -rf --one-file-system "$work"' EXIT
root=$work/root

include=()
[ -n "$CERTIFICATES" ] && include=(--include=ca-certificates)
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
debootstrap --variant=minbase --keyring="$keyring" "${include[@]}" "$SUITE" "$root" ${MIRROR:+"$MIRROR"}

# The mirror debootstrap chose is the one apt goes on using.
mirror=$(awk '$1 == "deb" { print $2; exit }' "$root/etc/apt/sources.list")
rm "$root/etc/apt/sources.list"
cat > "$root/etc/apt/sources.list.d/debian.sources" <<EOF
Types: deb
URIs: $mirror
Suites: $SUITE $SUITE-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
EOF
if [ -n "$SECURITY_MIRROR" ]; then
  cat >> "$root/etc/apt/sources.list.d/debian.sources" <<EOF

Types: deb
URIs: $SECURITY_MIRROR
Suites: $SUITE-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
EOF
fi

# Small layers: what apt installs later leaves no documentation, caches or indexes behind, as in the official slim image.
cat > "$root/etc/dpkg/dpkg.cfg.d/docker-slim" <<'EOF'
path-exclude /usr/share/doc/*
path-include /usr/share/doc/*/copyright
path-exclude /usr/share/info/*
path-exclude /usr/share/locale/*
path-include /usr/share/locale/locale.alias
path-exclude /usr/share/man/*
EOF
echo force-unsafe-io > "$root/etc/dpkg/dpkg.cfg.d/docker-speed"
cat > "$root/etc/apt/apt.conf.d/docker-slim" <<'EOF'
Acquire::Languages "none";
Acquire::GzipIndexes "true";
APT::AutoRemove::SuggestsImportant "false";
Binary::apt::APT::Keep-Downloaded-Packages "false";
DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/*.bin || true"; };
EOF
[ -z "$APT_PROXY" ] || printf '%s\n' "$APT_PROXY" > "$root/etc/apt/apt.conf.d/host-proxy"
printf '#!/bin/sh\nexit 101\n' > "$root/usr/sbin/policy-rc.d" # no daemon starts during a build
chmod 755 "$root/usr/sbin/policy-rc.d"

if [ -n "$CERTIFICATES" ]; then
  mkdir -p "$root/usr/local/share/ca-certificates"
  cp -r "$CERTIFICATES/." "$root/usr/local/share/ca-certificates/"
  chroot "$root" update-ca-certificates
fi

chroot "$root" apt-get clean
find "$root/usr/share/doc" -type f ! -name copyright -delete
find "$root/usr/share/doc" -depth -type d -empty -delete
find "$root/usr/share/man" "$root/usr/share/info" -mindepth 1 -delete
find "$root/usr/share/locale" -mindepth 1 -maxdepth 1 ! -name locale.alias -exec rm -rf {} +
rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/* "$root"/var/log/* "$root"/tmp/* "$root/etc/resolv.conf" "$root/etc/hostname"
mkdir -p "$root/var/cache/apt/archives/partial" "$root/var/log/apt"
tar --numeric-owner --one-file-system -C "$root" -c . >&3
