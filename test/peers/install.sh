#!/usr/bin/env bash
# Installs from Debian the mail programs that tests and benchmarks use and that are missing; without root or apt-get, names them.
set -euo pipefail
declare -A packages=(
  [dovecot]=dovecot-pop3d [doveadm]=dovecot-imapd [mpop]=mpop [fetchmail]=fetchmail [getmail]=getmail6
  [curl]=curl [zstd]=zstd [tmux]=tmux [python3]=python3 [mutt]=mutt [perl]=perl [openssl]=openssl [mbsync]=isync
  [gnome-keyring-daemon]=gnome-keyring [dbus-run-session]=dbus-daemon [notmuch]=notmuch
)
PATH=$PATH:/usr/sbin:/sbin
unpacked=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/unpacked
missing=()
for program in "${!packages[@]}"; do
  command -v "$program" >/dev/null || missing+=("${packages[$program]}")
done
[ -x /usr/lib/dovecot/imap ] || missing+=(dovecot-imapd)
[ -x /usr/lib/dovecot/pop3 ] || missing+=(dovecot-pop3d)
[ -x /usr/lib/dovecot/lmtp ] || missing+=(dovecot-lmtpd)
perl -MIO::Socket::SSL -e1 2>/dev/null || missing+=(libio-socket-ssl-perl)
[ -e "$unpacked/courier/whole" ] || missing+=(courier-pop)
[ -e "$unpacked/cyrus/whole" ] || missing+=(cyrus-pop3d)
[ ${#missing[@]} -eq 0 ] && exit 0
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  echo "not installed: ${missing[*]} (as root on Debian this script installs them); what needs them is skipped" >&2
  exit 0
fi

# Debian lets only one POP3 server be installed. The others, with what they need and this machine has not, are unpacked into a
# folder and never installed: nothing of theirs is started, and the tests run them in a root of their own.
unpack() {
  local folder=$unpacked/$1 debs
  shift
  [ -e "$folder/whole" ] && return
  rm -rf "$folder"
  mkdir -p "$folder/root"
  debs=$(mktemp -d)
  apt-get install -s --no-install-recommends "$@" | sed -n 's/^Inst \([^ ]*\).*/\1/p' |
    grep -vE '^exim4|-dev$' | (cd "$debs" && xargs apt-get download -qq -o APT::Sandbox::User=root)
  for deb in "$debs"/*.deb; do dpkg -x "$deb" "$folder/root"; done
  rm -rf "$debs" "$folder/root/usr/share/"{doc,man,locale,lintian}
  # What is in /lib here is in /usr/lib there (merged /usr).
  for name in bin sbin lib; do
    [ ! -d "$folder/root/$name" ] && continue
    mkdir -p "$folder/root/usr/$name"
    cp -a "$folder/root/$name/." "$folder/root/usr/$name/"
    rm -r "$folder/root/$name"
  done
  touch "$folder/whole"
}

export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
for package in "${missing[@]}"; do
  case $package in
    courier-pop) unpack courier courier-pop ;;
    cyrus-pop3d) unpack cyrus cyrus-imapd cyrus-pop3d sasl2-bin libsasl2-modules libsasl2-modules-db ;;
    *) install+=("$package") ;;
  esac
done
[ -z "${install+set}" ] || apt-get install -y -qq --no-install-recommends "${install[@]}" </dev/null >/dev/null
