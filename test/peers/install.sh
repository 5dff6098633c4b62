#!/usr/bin/env bash
# Installs from Debian the mail programs that tests and benchmarks use and that are missing; without root or apt-get, names them.
set -euo pipefail
declare -A packages=(
  [dovecot]=dovecot-pop3d [doveadm]=dovecot-imapd [mpop]=mpop [fetchmail]=fetchmail [getmail]=getmail6
  [curl]=curl [zstd]=zstd [tmux]=tmux [python3]=python3
)
PATH=$PATH:/usr/sbin:/sbin
missing=()
for program in "${!packages[@]}"; do
  command -v "$program" >/dev/null || missing+=("${packages[$program]}")
done
[ -x /usr/lib/dovecot/imap ] || missing+=(dovecot-imapd)
[ -x /usr/lib/dovecot/pop3 ] || missing+=(dovecot-pop3d)
[ ${#missing[@]} -eq 0 ] && exit 0
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  echo "not installed: ${missing[*]} (as root on Debian this script installs them); what needs them is skipped" >&2
  exit 0
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}" </dev/null >/dev/null
