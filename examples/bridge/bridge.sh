#!/bin/sh
# Lines that are appended to `out` in the plugin's data folder go to all others; theirs are appended to `in`.
# Needs socat and jq. One connection: what is written to it are calls, what is read from it are answers and events.
set -eu
cd "$HEDGEROW_PLUGIN_DATA"
touch out in
{
  jq -cn --rawfile token "$HEDGEROW_TOKEN_FILE" '{token: ($token | rtrimstr("\n"))}'
  tail -n 0 -F out 2>/dev/null | jq --unbuffered -cR '{jsonrpc: "2.0", method: "peers.broadcast", params: {message: {kind: "line", line: .}}}'
} | socat -t 3600 - "UNIX-CONNECT:$HEDGEROW_API" |
  jq --unbuffered -r 'select(.params.event == "peers.message") | .params.message.line' |
  while IFS= read -r line; do printf '%s\n' "$line" >> in; done
