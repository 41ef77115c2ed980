#!/bin/sh
# Outlives whoever started a server, in order to end that server and remove its folder. Its standard input is a pipe that
# only the owner holds: the pipe closes when the owner is done, and also when the owner is killed with -9.
#
# usage: watch.sh FOLDER SIGNAL
folder=$1
signal=$2
# Ctrl-C in a terminal must reach the owner only, or nobody is left to clean up.
trap '' INT TERM HUP
# Each line is the pid of the server by then, empty once it has ended.
pid=
while read -r line; do pid=$line; done

# Renamed first: a server that is just being started writes its pid into the folder before it runs, and cannot any more.
if ! mv "$folder" "$folder.dead" 2>/dev/null; then
  # Another process has removed the folder, and the pid file with it.
  if [ -n "$pid" ]; then kill -s "$signal" "$pid" 2>/dev/null; fi
  exit 0
fi
# The owner may have been killed before it could write the pid into the pipe.
if [ -s "$folder.dead/pid" ]; then pid=$(cat "$folder.dead/pid"); fi
if [ -n "$pid" ]; then kill -s "$signal" "$pid" 2>/dev/null; fi
# Until the server is quite dead it can still write into a folder that is being emptied.
attempt=0
until rm -rf "$folder.dead" 2>/dev/null || [ "$attempt" -ge 100 ]; do
  attempt=$((attempt + 1))
  sleep 0.1
done
