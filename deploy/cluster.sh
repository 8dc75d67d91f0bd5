#!/usr/bin/env bash
# SPDX-License-Identifier: EUPL-1.2
# The private PostgreSQL cluster of this checkout: data in var/pg, a Unix socket in var/run, no TCP listener.
#   deploy/cluster.sh start | stop | status | url [ROLE] | psql [ARGUMENT…] | wipe --yes
# Idempotent; an unclean end (power, kill -9) is recovered by the next start. Who may enter the socket's folder (0700) may connect,
# nobody else. PostgreSQL refuses to run as root: then the system user `postgres` runs it, and where that user cannot reach the
# checkout (/root/…), the data live in /var/lib/duongthu/<hash> and var/pg points there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
mkdir -p var
var=$PWD/var
name=duongthu      # database and its owner
port=5432          # only part of the socket's name
socket_limit=107   # bytes of a socket path that Linux takes (sun_path less its end)

die() { printf 'cluster: %s\n' "$*" >&2; exit 1; }

# ---- where things are, and who runs the server

if [ "$(id -u)" = 0 ]; then
    owner=$(stat -Lc %U "$var/pg" 2>/dev/null || echo postgres) # data that a user made stay that user's
    id "$owner" >/dev/null 2>&1 || die "there is no system user $owner; deploy/setup.sh run brings postgres with the server"
    as_owner() { (cd / && exec setpriv --reuid="$owner" --regid="$(id -g "$owner")" --init-groups env HOME=/ "$@"); }
else
    owner=$(id -un)
    as_owner() { (cd / && exec "$@"); }
fi

digest=$(printf %s "$var" | sha256sum | cut -c1-12)
if as_owner test -x "$var"; then home=$var; else home=/var/lib/duongthu/$digest; fi
data=$home/pg
log=$home/pg.log
run=$home/run
sock=$run/.s.PGSQL.$port
[ ${#sock} -le $socket_limit ] || { run=/tmp/duongthu-$digest && sock=$run/.s.PGSQL.$port; }

# The newest server that is installed, or the one that made the data.
bin=
find_server() {
    local version
    version=$(cat "$data/PG_VERSION" 2>/dev/null || ls /usr/lib/postgresql 2>/dev/null | sort -n | tail -1)
    bin=/usr/lib/postgresql/$version/bin
    [ -x "$bin/postgres" ] || die "PostgreSQL ${version:-} is not installed; deploy/setup.sh run installs it"
}

# A folder that only the owner enters. One that is someone else's, or a link, is refused: /tmp is open to all.
private_folder() {
    if [ ! -e "$1" ] && [ ! -L "$1" ]; then
        install -d -m 0700 "$1"
        [ "$(id -u)" != 0 ] || chown "$owner:" "$1"
    fi
    if [ -L "$1" ] || [ ! -d "$1" ] || [ "$(stat -c %U "$1")" != "$owner" ]; then
        die "$1 belongs to $(stat -c %U "$1"), not to $owner: start as the user that made it, or remove it"
    fi
    chmod 0700 "$1"
}

# ---- states

# The postmaster works in its data folder: a pid file left by a crash may by now name any other process.
postmaster_alive() {
    local pid
    pid=$(head -1 "$data/postmaster.pid" 2>/dev/null) && [ -n "$pid" ] || return 1
    [ "$(readlink "/proc/$pid/cwd" 2>/dev/null)" = "$(readlink -f "$data")" ]
}

# What a crashed postmaster left behind. Its backends may outlive it by a moment: two servers on one data folder would ruin it.
clear_remains() {
    local process tries=100
    for process in /proc/[0-9]*; do
        while [ "$(readlink "$process/cwd" 2>/dev/null)" = "$(readlink -f "$data")" ] &&
            [ "$(readlink "$process/exe" 2>/dev/null)" = "$bin/postgres" ]; do
            [ $((tries -= 1)) -gt 0 ] || die "process ${process#/proc/} of an earlier server still works in $data; end it first"
            sleep 0.1
        done
    done
    rm -f "$data/postmaster.pid" "$sock" "$sock.lock"
}

ask() { # SQL [DATABASE]
    "$bin/psql" -XAtq -v ON_ERROR_STOP=1 -h "$run" -p $port -U $name -d "${2:-postgres}" -c "$1"
}

create_data() {
    [ ! -f "$data/PG_VERSION" ] || return 0
    rm -rf "$data.new" && private_folder "$data.new"
    as_owner "$bin/initdb" --pgdata="$data.new" --username=$name --auth=trust --data-checksums --encoding=UTF8 \
        --locale=C.UTF-8 --lc-collate=C >/dev/null # codes are compared byte by byte: the same order, and cheaper
    printf '# The folder of the socket is closed to others (0700); there is no other way in.\nlocal all all trust\n' |
        as_owner tee "$data.new/pg_hba.conf" >/dev/null
    printf "include 'duongthu.conf'\n" | as_owner tee -a "$data.new/postgresql.conf" >/dev/null
    rm -rf "$data" && mv "$data.new" "$data" # only a finished cluster carries the name
}

# At every start, so that a newer checkout brings its settings.
write_settings() {
    { cat deploy/postgresql.conf && printf "port = %s\nunix_socket_directories = '%s'\n" $port "$run"; } |
        as_owner tee "$data/duongthu.conf" >/dev/null
}

start() {
    find_server
    if [ "$home" != "$var" ]; then
        install -d -m 0755 /var/lib/duongthu
        private_folder "$home"
        ln -sfn "$data" "$var/pg"
    fi
    private_folder "$run"
    create_data
    private_folder "$data"
    if ! postmaster_alive; then
        clear_remains
        write_settings
        as_owner touch "$log" 2>/dev/null || { touch "$log" && chown "$owner:" "$log"; }
        as_owner "$bin/pg_ctl" start --wait --timeout=300 --silent -D "$data" -l "$log" 9>&- ||
            { tail -20 "$log" >&2; die "PostgreSQL did not start; its log: $log"; }
    fi
    [ "$(ask "SELECT count(*) FROM pg_database WHERE datname = '$name'")" = 1 ] || ask "CREATE DATABASE $name"
}

stop() {
    postmaster_alive || return 0
    find_server
    as_owner "$bin/pg_ctl" stop --wait --timeout=60 --silent -m fast -D "$data" ||
        as_owner "$bin/pg_ctl" stop --wait --timeout=60 --silent -m immediate -D "$data"
}

status() {
    if postmaster_alive; then
        echo "running: data $data, socket $run, log $log"
    else
        echo "stopped: data $data"
        return 3
    fi
}

wipe() {
    [ "${1:-}" = --yes ] || die "wipe deletes every scan, dossier and journey in $data; say: wipe --yes"
    stop
    rm -rf "$data" "$data.new" "$log" "$run"
    [ ! -L "$var/pg" ] || rm -f "$var/pg"
}

case ${1:-} in
start) start ;;
stop) stop ;;
status) status ;;
url) echo "host=$run port=$port dbname=$name user=${2:-$name}" ;;
psql) shift && find_server && exec "$bin/psql" -X -h "$run" -p $port -U $name -d $name "$@" ;;
wipe) wipe "${2:-}" ;;
*) die "say one of: start, stop, status, url [ROLE], psql [ARGUMENT…], wipe --yes" ;;
esac
