#!/usr/bin/env bash
# Many connections at once on one path: is nobody failed, does nobody wait too long, does memory stay, do killed clients make room?
#
#   cargo build --release -p service && benches/soak/wrk.sh [SECONDS] [CONNECTIONS]
#
# Needs wrk and curl (Debian: apt-get install wrk curl). BINARY says which service, else the release build.
# It fails unless every answer is 200, or 429 or 503 with an integer Retry-After; the 99th percentile is within the configured deadline; memory
# after the run is at most a tenth above that after a warm-up; and a request after clients were killed is answered at once.
set -euo pipefail
cd "$(dirname "$0")/../.."

seconds=${1:-60}
connections=${2:-256}
binary=${BINARY:-target/release/lamassu}
deadline_ms=10000
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT

LAMASSU_API_KEY=k LAMASSU_LIMITS__DEADLINE_MS=$deadline_ms LAMASSU_DECISIONS__KEEP=1000 \
    LAMASSU_INFERENCE__CACHE=256 \
    "$binary" --data "$folder/data" serve --listen 127.0.0.1:0 2>"$folder/log" &
server=$!
for _ in $(seq 600); do
    address=$(sed -n 's/^listening on //p' "$folder/log")
    [ -z "$address" ] || break
    kill -0 "$server"
    sleep 0.1
done

# Each request has a text of its own, so that none is remembered; one in eight is long.
cat >"$folder/ask.lua" <<'LUA'
local threads, number = {}, 0
function setup(thread) table.insert(threads, thread); thread:set("id", #threads) end
function init() good, refused, wrong = 0, 0, 0 end
function request()
    number = number + 1
    local text = "Text " .. id .. "-" .. number .. ": the printer works again, see you on Monday. "
    if number % 8 == 0 then text = string.rep(text, 40) end
    return wrk.format("POST", "/contentsafety/text:analyze?api-version=2023-10-01",
        { ["api-key"] = "k", ["content-type"] = "application/json" }, '{"text": "' .. text .. '"}')
end
function response(status, headers)
    local later
    for name, value in pairs(headers) do
        if string.lower(name) == "retry-after" then later = string.match(value, "^%d+$") end
    end
    if status == 200 then good = good + 1
    elseif (status == 429 or status == 503) and later then refused = refused + 1
    else wrong = wrong + 1 end
end
function done(summary, latency)
    local sums = { good = 0, refused = 0, wrong = 0 }
    for _, thread in ipairs(threads) do
        for name in pairs(sums) do sums[name] = sums[name] + thread:get(name) end
    end
    local e = summary.errors
    io.write(string.format("figures good=%d refused=%d wrong=%d broken=%d p99_ms=%d\n",
        sums.good, sums.refused, sums.wrong, e.connect + e.read + e.write, latency:percentile(99) / 1000))
end
LUA

# Of its own: the models are files that are mapped.
own() { sed -n 's/^RssAnon:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$server/status"; }
load() { exec wrk --threads 2 --connections "$connections" --duration "$1" --timeout 60s --script "$folder/ask.lua" "$address"; }
ask() {
    curl --silent --show-error --max-time 60 --output /dev/null --write-out '%{http_code} %{time_total}' \
        -H 'api-key: k' -H 'content-type: application/json' -d '{"text": "Good morning!"}' \
        "$address/contentsafety/text:analyze?api-version=2023-10-01"
}

(load 10s) >/dev/null
before=$(own)
(load "${seconds}s") | tee "$folder/out"
after=$(own)
echo "memory: $before kB after a warm-up of 10 s, $after kB after $seconds s"

# Clients that are killed in the middle: what they asked for is nobody's any more.
# `load` takes the place of the shell that it is called in: what is killed is wrk.
load 60s >/dev/null 2>&1 &
client=$!
sleep 5
kill -9 "$client"
wait "$client" 2>/dev/null || true
sleep 1
alone=$(ask)
echo "a single request after $connections clients were killed: $alone s"
curl --silent "$address/metrics" | grep -E '^lamassu_(requests_(total|rejected|abandoned)|queue_depth|judging)'

eval "$(sed -n 's/^figures //p' "$folder/out")"
failed=0
check() { if ! [ "$@" ]; then echo "FAILED: $*"; failed=1; fi; }
check "$wrong" = 0
check "$broken" = 0
check "$good" -gt 0
check "$p99_ms" -le "$deadline_ms"
check "$((after * 10))" -le "$((before * 11))"
check "${alone%% *}" = 200
# Nobody is before it; it may take twice what a text takes on a busy machine.
check "$(awk '{ print int($2 * 1000) }' <<<"$alone")" -le 2000
check -z "$(grep panicked "$folder/log" || true)"
exit "$failed"
