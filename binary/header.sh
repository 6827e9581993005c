#!/bin/sh
# voxd in one file: behind these lines lies the packed program. The first start unpacks it, later ones
# start it where it was unpacked. Needs what every Debian has: a shell, coreutils, tar and gzip.
#   VOXD_UNPACK_DIR   where to unpack; by default CACHE_DIRECTORY or STATE_DIRECTORY (from systemd),
#                     else /var/cache/voxd for root, else ~/.cache/voxd; what root has unpacked
#                     serves everybody
set -eu
id=@ID@
lines=@LINES@
needs=@NEEDS@

fail() {
  echo "voxd: $*" >&2
  exit 1
}

VOXD_PROGRAM=$(readlink -f -- "$0") || fail "cannot tell where this file is"
export VOXD_PROGRAM
if [ -n "${VOXD_UNPACK_DIR:-}" ]; then
  home=$VOXD_UNPACK_DIR
elif [ -x "/var/cache/voxd/$id/voxd" ]; then
  home=/var/cache/voxd # where root has unpacked it, for everybody
elif [ -n "${CACHE_DIRECTORY:-}${STATE_DIRECTORY:-}" ]; then
  home=${CACHE_DIRECTORY:-$STATE_DIRECTORY}
  home=${home%%:*}/program
elif [ "$(id -u)" = 0 ]; then
  home=/var/cache/voxd
elif [ -n "${XDG_CACHE_HOME:-}${HOME:-}" ]; then
  home=${XDG_CACHE_HOME:-$HOME/.cache}/voxd
else
  fail "there is no HOME to unpack to: set VOXD_UNPACK_DIR to a folder"
fi

unpack() {
  mkdir -p -- "$home" || fail "cannot unpack to $home: set VOXD_UNPACK_DIR to another folder"
  part=$(mktemp -d "$home/.unpacking.XXXXXX") ||
    fail "cannot unpack to $home: set VOXD_UNPACK_DIR to another folder"
  trap 'rm -rf "$part"' EXIT
  trap 'exit 130' HUP INT TERM
  echo "voxd: unpacking to $home, once: some seconds" >&2
  if [ -n "$needs" ] && ! grep -qw -m1 "$needs" /proc/cpuinfo 2>/dev/null; then
    echo "voxd: this processor has no $needs: the language model on this machine will not run" >&2
  fi
  # A shell's pipe tells only how its last part ended: the mark says that gzip saw a whole file.
  { tail -n "+$lines" -- "$VOXD_PROGRAM" | gzip -dc && : >"$part/.whole"; } | tar -xf - -C "$part" ||
    fail "unpacking to $home failed: it takes @SIZE@ MB there"
  [ -e "$part/.whole" ] || fail "$VOXD_PROGRAM is damaged"
  chmod 755 "$part"
  # Whoever unpacked at the same time and was first is as good.
  mv -T -- "$part" "$home/$id" 2>/dev/null || [ -x "$home/$id/voxd" ] ||
    fail "cannot unpack to $home"
  rm -rf "$part"
  trap - EXIT HUP INT TERM
  # Earlier versions go, unless something runs there: each start below holds a lock on its folder.
  for old in "$home"/????????????????; do
    if [ -d "$old" ] && [ "$old" != "$home/$id" ] && flock -n "$old" true 2>/dev/null; then
      rm -rf "$old"
    fi
  done
}

[ -e "$home/$id/voxd" ] || unpack
[ -x "$home/$id/voxd" ] ||
  fail "$home/$id/voxd may not be executed (is $home mounted noexec?): set VOXD_UNPACK_DIR"
exec 9<"$home/$id"
flock -sn 9 2>/dev/null || true
exec "$home/$id/voxd" "$@"
# Behind this line: the program.
