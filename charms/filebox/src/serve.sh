#!/bin/bash
# Ends the server that runs, if any, and starts it anew; with "stop" only the
# former. Works with systemd and without.
set -eu
pid=/run/filebox.pid
if [ -e "$pid" ]; then
  kill "$(cat "$pid")" 2>/dev/null || true
  rm -f "$pid"
fi
[ "$1" = stop ] && exit 0
cd /
setsid python3 -m http.server --directory "$2" "$1" </dev/null >/dev/null 2>&1 &
echo $! > "$pid"
