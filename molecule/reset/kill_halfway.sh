#!/bin/sh
# Run a command, its output into a file, and kill it as soon as that contains a text. Fails where it never does.
# Usage: kill_halfway.sh FILE TEXT COMMAND [ARGUMENT ...]
set -eu
file=$1 text=$2
shift 2
: >"$file" # what an earlier run left must not pass for this one's
setsid "$@" >"$file" 2>&1 &
until grep -q "$text" "$file"; do
    kill -0 $! || { cat "$file"; exit 1; }
    sleep 0.2
done
kill -KILL -$!
