#!/bin/bash
# Runs a command that reaches Jitney's local endpoint and nothing else: no network, no home folder, no ~/.aws, no metadata service.
#
#     jitney run --gateway TARGET --call "aws s3 ls s3://reports" --reason "report" -- ~/sandbox.sh AGENT ARGUMENTS...
#
# The command can write to the current folder, so keep this script elsewhere. SANDBOX_TOOLS lists folders that it may only
# read, such as that of a virtual environment. Needs bubblewrap and socat.
set -euo pipefail

here=$(pwd -P)
home=$(cd "$HOME" && pwd -P)
case "$home/" in
    "$here/"*) echo "sandbox.sh: start it in a project's folder, not in your home folder or above it." >&2; exit 2 ;;
esac
case "$(realpath "$0")" in
    "$here/"*) echo "sandbox.sh: move it out of this folder, where the command could change it, and start it again." >&2; exit 2 ;;
esac
endpoint=${AWS_ENDPOINT_URL:?start it with jitney run --gateway}
port=${endpoint##*:}
port=${port%%/*}

folder=$(mktemp -d)
socat "UNIX-LISTEN:$folder/jitney,fork,mode=600" "TCP:127.0.0.1:$port" 2>/dev/null &
relay=$!
trap 'kill "$relay" 2>/dev/null; rm -rf "$folder"' EXIT
until [ -S "$folder/jitney" ]; do kill -0 "$relay"; sleep 0.05; done

tools=()
for tool in ${SANDBOX_TOOLS:-}; do tools+=(--ro-bind "$tool" "$tool"); done
passed=()
for name in PATH HOME TERM LANG $(compgen -e | grep -E '^(AWS_|JITNEY_GRANT_ID$)'); do
    if [ -n "${!name:-}" ]; then passed+=(--setenv "$name" "${!name}"); fi
done

status=0
bwrap --unshare-all --die-with-parent --new-session --clearenv "${passed[@]}" \
    --ro-bind /usr /usr --symlink usr/bin /bin --symlink usr/sbin /sbin --symlink usr/lib /lib --symlink usr/lib64 /lib64 \
    --ro-bind-try /etc/alternatives /etc/alternatives --ro-bind-try /etc/ssl /etc/ssl \
    --proc /proc --dev /dev --tmpfs /tmp --tmpfs "$home" \
    --bind "$here" "$here" "${tools[@]}" --chdir "$here" --ro-bind "$folder" /run/jitney \
    /bin/bash -c 'socat "TCP-LISTEN:$1,bind=127.0.0.1,fork,reuseaddr" UNIX-CONNECT:/run/jitney/jitney &
        until (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; do sleep 0.05; done; shift; exec "$@"' \
    sandbox "$port" "$@" || status=$?
exit "$status"
