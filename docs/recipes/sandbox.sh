#!/bin/bash
# Runs a command that reaches Jitney's local endpoint and nothing else: no network, no home folder, no ~/.aws, no metadata service.
#
#     jitney run --gateway TARGET --call "aws s3 ls s3://reports" --reason "report" -- ~/sandbox.sh AGENT ARGUMENTS...
#
# The command can write to the current folder, so keep this script elsewhere. SANDBOX_TOOLS lists folders that it may only
# read, such as that of a virtual environment, with colons between them. Needs bubblewrap and socat.
set -euo pipefail

refuse() { echo "sandbox.sh: $1" >&2; exit 2; }

[ $# -gt 0 ] || refuse "name the command to run."
for program in bwrap socat; do command -v "$program" >/dev/null || refuse "install $program."; done
here=$(pwd -P)
[ -d "${HOME:-}" ] || refuse "set HOME to your home folder."
home=$(cd "$HOME" && pwd -P)
[ "$home" != / ] || refuse "set HOME to another folder than /, because the sandbox hides it."
case "$home/" in
    "${here%/}/"*) refuse "start it in a project's folder, not in your home folder or above it." ;;
esac
case "$(realpath "$0")" in
    "$here/"*) refuse "move it out of this folder, where the command could change it, and start it again." ;;
esac
# The gateway gives no session token and no endpoint for keys. With either, the sandbox would get keys.
[ -z "${AWS_CONTAINER_CREDENTIALS_FULL_URI:-}${AWS_SESSION_TOKEN:-}" ] || refuse "start it with jitney run --gateway."
[[ "${AWS_ENDPOINT_URL:-}" =~ ^http://127\.0\.0\.1:([0-9]+)$ ]] || refuse "start it with jitney run --gateway."
port=${BASH_REMATCH[1]}

folder=$(mktemp -d)
(cd "$folder" && exec socat UNIX-LISTEN:jitney,fork,mode=600 "TCP:127.0.0.1:$port" 2>/dev/null) & # a socket's path is short
relay=$!
trap 'kill "$relay" 2>/dev/null || true; rm -rf "$folder"' EXIT
until [ -S "$folder/jitney" ]; do
    kill -0 "$relay" 2>/dev/null || refuse "socat does not start, or cannot create a socket in $folder."
    sleep 0.05
done

tools=()
IFS=: read -ra listed <<<"${SANDBOX_TOOLS:-}"
for tool in "${listed[@]}"; do
    case "$tool" in /*) ;; *) tool=$here/$tool ;; esac
    [ -d "$tool" ] || refuse "the folder $tool of SANDBOX_TOOLS does not exist."
    tools+=(--ro-bind "$tool" "$tool")
done
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
