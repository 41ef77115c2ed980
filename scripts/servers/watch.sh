#!/bin/sh
# Outlives whoever started a server, in order to end that server and remove its folder. Its standard input is a pipe that
# only the owner holds: the pipe closes when the owner is done, and also when the owner is killed with -9.
#
# usage: watch.sh FOLDER SIGNAL
folder=$1
signal=$2
# Ctrl-C in a terminal must reach the owner only, or nobody is left to clean up.
trap '' INT TERM HUP
read -r _ || true

# Renamed first: a server that is just being started writes its pid into the folder before it runs, and cannot any more.
mv "$folder" "$folder.dead" 2>/dev/null || exit 0
if [ -s "$folder.dead/pid" ]; then kill -s "$signal" "$(cat "$folder.dead/pid")" 2>/dev/null; fi
# Until the server is quite dead it can still write into a folder that is being emptied.
attempt=0
until rm -rf "$folder.dead" 2>/dev/null || [ "$attempt" -ge 100 ]; do
  attempt=$((attempt + 1))
  sleep 0.1
done
