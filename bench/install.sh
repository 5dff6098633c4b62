#!/usr/bin/env bash
# Installs from Debian what the benchmark needs beside the tests' peers and is missing: a C compiler and OpenSSL's headers, and
# what else indexes mail (mu, notmuch).
set -euo pipefail
missing=()
command -v cc >/dev/null || missing+=(gcc libc6-dev)
[ -e /usr/include/openssl/ssl.h ] || missing+=(libssl-dev)
command -v mu >/dev/null || missing+=(maildir-utils)
command -v notmuch >/dev/null || missing+=(notmuch)
/usr/bin/python3 -c 'import notmuch2' 2>/dev/null || missing+=(python3-notmuch2)
[ ${#missing[@]} -eq 0 ] && exit 0
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  echo "not installed: ${missing[*]} (as root on Debian this script installs them); without a compiler the load comes from Python, and peers that are missing are left out" >&2
  exit 0
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}" </dev/null >/dev/null
