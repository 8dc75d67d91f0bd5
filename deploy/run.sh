#!/usr/bin/env bash
# SPDX-License-Identifier: EUPL-1.2
# `make run`: from a bare machine to a running system that plays a postal day. Ctrl-C stops every process that this script started,
# PostgreSQL last. The data stay in var/, and the next run goes on with them. ONCE=1: play one day, sum up, stop, exit 0 or 1.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
program=$PWD/build/duongthu
ini=var/duongthu.ini
serve_log=var/serve.log
ready_limit=60 # seconds until every service must be ready
serve_pid=
story_pid=
ONCE=${ONCE:+1}

say() { printf '\e[2m%s\e[0m\n' "$*"; }
[ -t 1 ] && [ -z "${NO_COLOR:-}" ] || say() { printf '%s\n' "$*"; }
die() { printf 'run: %s\n' "$*" >&2; exit 1; }

# ---- the end, from wherever it comes

stop_process() { # PID
    [ -n "$1" ] || return 0
    kill -TERM "$1" 2>/dev/null || return 0
    wait "$1" 2>/dev/null || true
}

finish() {
    local code=$?
    set +e                    # what can be stopped is stopped: a closed terminal takes no words any more
    trap '' INT TERM HUP PIPE # once is enough
    trap - EXIT
    [ -z "$serve_pid" ] || say "stopping: services finish what they hold, then PostgreSQL"
    stop_process "$story_pid"
    stop_process "$serve_pid"
    deploy/cluster.sh stop
    [ -z "$serve_pid" ] || say "stopped. The data stay in var/; 'make run' goes on with them, 'deploy/cluster.sh wipe --yes' forgets them."
    exit "$code"
}

# ---- the steps

mkdir -p var
deploy/setup.sh build run
make --no-print-directory -s -j"$(nproc)" all

exec 9>var/run.lock
flock -n 9 || die "this checkout is running already (another 'make run'); one at a time"
trap finish EXIT
# Without ONCE there is no other end, so Ctrl-C is a good one.
trap 'exit $((ONCE ? 130 : 0))' INT
trap 'exit $((ONCE ? 143 : 0))' TERM HUP
say "starting PostgreSQL: a private cluster, no TCP port, reached through a socket only you can open"
deploy/cluster.sh start

[ -e var/keys ] || "$program" keys init var/keys >/dev/null

# The ini file is written once and then yours to edit. It holds absolute paths, so a checkout that moved needs a new one.
made_for="# Made by 'make run' in $PWD"
if [ "$(head -1 "$ini" 2>/dev/null)" != "$made_for" ]; then
    [ ! -f "$ini" ] || { mv "$ini" "$ini.old" && say "this checkout has moved: $ini is written anew, the old one is $ini.old"; }
    {
        printf '%s\n# Every key, its default and its meaning: build/duongthu config print --config %s\n\n' "$made_for" "$ini"
        printf '[database]\nurl = %s\nowner_url = %s\n' "$(deploy/cluster.sh url dt_cli)" "$(deploy/cluster.sh url)"
        printf '\n[keys]\ndir = %s/var/keys\n' "$PWD"
        printf '\n[sms]\nfile = %s/var/sms.jsonl\ndatabase_url = %s\n' "$PWD" "$(deploy/cluster.sh url dt_sms)"
        printf '# Nobody is woken: these messages go to a file. Without these two lines citizens are left alone at night.\n'
        printf 'quiet_from = 00:00\nquiet_to = 00:00\n'
        for service in ingest correlate webhook portal watch; do
            printf '\n[%s]\ndatabase_url = %s\n' "$service" "$(deploy/cluster.sh url "dt_$service")"
        done
    } >"$ini.new"
    chmod 0600 "$ini.new"
    mv "$ini.new" "$ini"
fi
export DUONGTHU_CONFIG=$PWD/$ini

# The settings in force, one line each: section, key, value.
settings() {
    "$program" config print | awk '
        /^\[/ { section = substr($1, 2, length($1) - 2) }
        /^[a-z]/ { key = $1; sub(/^[^=]*= */, ""); print section, key, $0 }'
}

port_taken() { # PORT
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# A port that someone else has is left to them: the next free one in steps of ten is taken instead.
free_port() { # PORT
    local port
    for ((port = $1; port < $1 + 1000 && port < 65536; port += 10)); do
        port_taken "$port" || { echo "$port" && return; }
    done
    die "no port is free from $1 on"
}

declare -A address # "ingest listen" → host:port
services=()
while read -r section key value; do
    case $key in
    services) read -ra services <<<"$value" ;;
    listen | ops_listen)
        port=$(free_port "${value##*:}")
        address["$section $key"]=${value%:*}:$port
        if [ "$port" != "${value##*:}" ]; then
            say "port ${value##*:} is taken: $section takes $port"
            variable=DUONGTHU_${section}_$key
            export "${variable^^}=${value%:*}:$port"
            [ "$section $key" != "portal listen" ] || export DUONGTHU_PORTAL_PUBLIC_URL=http://${value%:*}:$port
        fi
        ;;
    esac
done < <(settings)
ingest=${address[ingest listen]}
portal=${address[portal listen]}

"$program" migrate

# A session of its own: Ctrl-C reaches this script only, and it decides the order. Should the script be killed, they end too.
alone() {
    exec setsid setpriv --pdeathsig TERM -- "$@"
}

say "starting the services (their log: $serve_log)"
alone "$program" serve >>"$serve_log" 2>&1 9>&- </dev/null &
serve_pid=$!

ready() { # HOST:PORT
    local line
    { exec 3<>"/dev/tcp/${1%:*}/${1##*:}"; } 2>/dev/null || return 1
    printf 'GET /readyz HTTP/1.1\r\nHost: duongthu\r\nConnection: close\r\n\r\n' >&3
    read -r -t 2 line <&3 || line=
    exec 3>&-
    [[ $line == *' 200 '* ]]
}

deadline=$((SECONDS + ready_limit))
for service in "${services[@]}"; do
    until ready "${address[$service ops_listen]}"; do
        kill -0 "$serve_pid" 2>/dev/null || { tail -20 "$serve_log" >&2; die "the services ended; above is the end of $serve_log"; }
        [ $SECONDS -lt $deadline ] || { tail -20 "$serve_log" >&2; die "$service is not ready; above is the end of $serve_log"; }
        sleep 0.1
    done
done

say "
  citizens look a dossier up    http://$portal/tra-cuu
  handhelds upload              http://$ingest/v1/scans
  is it well?                   http://${address[ingest ops_listen]}/readyz   /metrics (each service has its own)
  all settings                  build/duongthu config print --config $ini
  the tables                    deploy/cluster.sh psql
  the SMS that left             tail -f var/sms.jsonl
"
# Day follows day until Ctrl-C; with ONCE one day is enough.
alone "$program" simulate ${ONCE:+--once} 9>&- </dev/null &
story_pid=$!

# Whichever ends first: the story (always with ONCE), or the services, which should not.
code=0
wait -n -p ended "$story_pid" "$serve_pid" || code=$?
if [ "$ended" = "$serve_pid" ]; then
    serve_pid=
    tail -20 "$serve_log" >&2
    die "the services ended by themselves; above is the end of $serve_log"
fi
story_pid=
[ "$code" = 0 ] || exit 1
