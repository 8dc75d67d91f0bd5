#!/usr/bin/env bash
# SPDX-License-Identifier: EUPL-1.2
# Make this Debian 12 machine able to build, run or test duongthu.
#   deploy/setup.sh GROUP…      groups of deploy/packages.txt (build run test lint pages bench), and: node, peers, rivals
# Installs only what is missing and says so first; with everything present it touches no network. `node` puts Node 22 under
# var/node, `peers` the npm packages that the tests speak to under tests/node_modules, `rivals` those that `make bench` compares
# with under tests/bench/rivals; all are pinned by lockfile and digest.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD
log=$PWD/var/setup.log # what apt-get says, shown only when it fails

say() { printf 'setup: %s\n' "$*"; }
die() { printf 'setup: %s\n' "$*" >&2; exit 1; }

die_with_log() {
    tail -30 "$log" >&2
    die "$1; all of it is in $log"
}

# Can npm be run here? Prints the command. Ours first, so the machine's own node may be old, hidden or broken.
npm_command() {
    if [ -x var/node/bin/node ] && [ -f var/node/node_modules/npm/bin/npm-cli.js ]; then
        echo "$root/var/node/bin/node $root/var/node/node_modules/npm/bin/npm-cli.js"
    elif npm --version >/dev/null 2>&1; then
        echo npm
    else
        return 1
    fi
}

first_file() { # PATH…
    local path
    for path in "$@"; do
        [ ! -f "$path" ] || { echo "$path" && return; }
    done
    return 1
}

# The program of an npm that some package brought, whether or not there is a node to run it. DIR: look there first.
npm_cli() { # [DIR]
    first_file ${1:+"$1"/usr/lib/node_modules/npm/bin/npm-cli.js} /usr/lib/node_modules/npm/bin/npm-cli.js \
        /usr/share/nodejs/npm/bin/npm-cli.js
}

package_installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

missing_packages() { # GROUP…
    local group name rest wanted
    while read -r group name rest; do
        for wanted in "$@"; do
            [ "$group" = "$wanted" ] || continue
            [ "$name" = npm ] && { npm_command || npm_cli; } >/dev/null && continue
            package_installed "$name" || echo "$name"
        done
    done < <(grep -v '^#' deploy/packages.txt) | sort -u
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

apt() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 "$@" </dev/null
}

# Debian starts a system cluster when it installs a server. We bring our own, so a machine that had none keeps none.
no_system_cluster() {
    local drop_in=/etc/postgresql-common/createcluster.d/duongthu.conf
    case $1 in
    before) as_root mkdir -p "${drop_in%/*}"; echo 'create_main_cluster = false' | as_root tee "$drop_in" >/dev/null ;;
    after) as_root rm -f "$drop_in" ;;
    esac
}

install_packages() { # GROUP…
    local missing
    mapfile -t missing < <(missing_packages "$@")
    [ ${#missing[@]} -gt 0 ] || return 0
    command -v apt-get >/dev/null ||
        die "this is no Debian: install what these Debian 12 packages hold, then run again: ${missing[*]}"
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null ||
            die "packages are missing and there is no sudo. As root, run: apt-get update && apt-get install -y ${missing[*]}"
        say "sudo may ask for your password"
    fi
    say "installing ${#missing[@]} missing Debian packages with $([ "$(id -u)" = 0 ] || echo 'sudo ')apt-get: ${missing[*]}"

    local name
    for name in "${missing[@]}"; do
        if ! apt-cache policy "$name" 2>/dev/null | grep -q 'Candidate: [^(]'; then
            say "reading the package lists first (apt-get update)"
            apt update >"$log" 2>&1 || die_with_log "apt-get update failed"
            break
        fi
    done
    local server=no
    case " ${missing[*]} " in *' postgresql '*) server=yes ;; esac
    [ $server = no ] || no_system_cluster before
    # A list that is a few days old may name a version that is gone: then read the lists again, once.
    apt install --no-install-recommends "${missing[@]}" >>"$log" 2>&1 || {
        say "that did not work; reading the package lists again"
        apt update >>"$log" 2>&1
        apt install --no-install-recommends "${missing[@]}" >>"$log" 2>&1 || die_with_log "apt-get install failed"
    }
    [ $server = no ] || no_system_cluster after
}

# A node that is installed but hidden (moved, not in PATH) can't run npm. Unpack the same package for ourselves, for this once.
borrow_npm() {
    local dir=$root/var/borrowed-node node cli
    rm -rf "$dir" && mkdir -p "$dir/bin"
    (cd "$dir" && apt-get -q -o APT::Sandbox::User=root download nodejs >"$log" 2>&1 && dpkg-deb -x nodejs*.deb .) ||
        die_with_log "npm is here but no node in PATH runs it, and apt-get has no nodejs to lend; put node into PATH for this once"
    { node=$(first_file "$dir"/usr/bin/node "$dir"/usr/bin/nodejs) && cli=$(npm_cli "$dir"); } ||
        die "no npm here can be run; install Debian's package npm, then run again"
    ln -sf "$node" "$dir/bin/node"
    echo "$node $cli"
}

# npm ci in a folder that holds package.json and package-lock.json; a stamp tells that this very lockfile is installed.
install_locked() { # LOCKFILE FOLDER WHAT
    local lockfile=$1 folder=$2 what=$3 npm
    cmp -s "$lockfile" "$folder/node_modules/.installed-lock" && return 0
    say "installing $what with npm, as pinned in $lockfile"
    npm=$(npm_command) || npm=$(borrow_npm)
    (
        cd "$folder"
        # Trust what the machine trusts (a company's own root, say): Node brings a list of its own.
        local roots=/etc/ssl/certs/ca-certificates.crt
        [ ! -f "$roots" ] || export NODE_EXTRA_CA_CERTS="${NODE_EXTRA_CA_CERTS:-$roots}"
        # npm's own children look for `node`: give them the one that runs npm.
        case $npm in */*) PATH=$(dirname "${npm%% *}"):$PATH ;; esac
        $npm ci --ignore-scripts --no-audit --no-fund --prefer-offline --loglevel=error >/dev/null
    )
    cp "$lockfile" "$folder/node_modules/.installed-lock"
}

install_node() {
    local binary
    mkdir -p var/node
    cp tests/toolchain/package.json tests/toolchain/package-lock.json tests/toolchain/.npmrc var/node/
    install_locked tests/toolchain/package-lock.json var/node "Node 22 into var/node"
    binary=$(ls -d var/node/node_modules/node-linux-*/bin/node 2>/dev/null | head -1)
    [ -n "$binary" ] || die "npm has no Node 22 package for this kind of processor ($(uname -m))"
    mkdir -p var/node/bin
    ln -sfn "../${binary#var/node/}" var/node/bin/node
    rm -rf var/borrowed-node
    var/node/bin/node --version >/dev/null || die "var/node/bin/node does not start"
}

install_peers() {
    install_node
    install_locked tests/package-lock.json tests "the tests' peers into tests/node_modules"
}

install_rivals() {
    install_node
    install_locked tests/bench/rivals/package-lock.json tests/bench/rivals "the benchmarks' rivals into tests/bench/rivals/node_modules"
}

mkdir -p var
[ $# -gt 0 ] || die "say what for: build run test lint pages bench node peers rivals"
install_packages "$@"
for group in "$@"; do
    case $group in
    build | run | test | lint | pages | bench) ;;
    node) install_node ;;
    peers) install_peers ;;
    rivals) install_rivals ;;
    *) die "there is no group '$group'; there are: build run test lint pages bench node peers rivals" ;;
    esac
done
