# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154  # common.sh, which sources this, sets $root, $script and $test_user
# The unprivileged user that builds and runs everything when a script is started by root.

# Makes the user where it is missing: a home, and a subordinate id range that nobody else has (useradd sees to that).
make_test_user() {
  is_root || return 0
  if ! id "$test_user" >/dev/null 2>&1; then
    say "making the unprivileged user $test_user"
    useradd --create-home --user-group --shell /bin/bash --comment "builds and tests sublet" "$test_user"
  fi
  if ! grep -q "^$test_user:" /etc/subuid || ! grep -q "^$test_user:" /etc/subgid; then
    local start
    start=$(cat /etc/subuid /etc/subgid | awk -F: 'BEGIN { end = 100000 } $2 + $3 > end { end = $2 + $3 } END { print end }')
    usermod --add-subuids "$start-$((start + 65535))" --add-subgids "$start-$((start + 65535))" "$test_user"
  fi
  mkdir -p "$SUBLET_CACHE"
  [ "$(stat -c %U "$SUBLET_CACHE")" = "$test_user" ] || chown -R "$test_user:" "$SUBLET_CACHE"
}

# The environment of everything that is run: only what is named here, so that a run does not depend on who started it.
fill_user_env() {
  local home path="" part name
  home=$(getent passwd "$(if is_root; then echo "$test_user"; else id -un; fi)" | cut -d: -f6)
  IFS=: read -ra parts <<< "$PATH"
  # What lies in root's home cannot be read by the user, and a shell would stumble over it.
  for part in "${parts[@]}"; do case $part in /root/* | "") ;; *) path+=$part: ;; esac; done
  user_env=("HOME=$home" "PATH=${path}/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    "LANG=C.UTF-8" "LC_ALL=C.UTF-8" "SHELL=/bin/bash" "SUBLET_CACHE=$SUBLET_CACHE" "TMPDIR=$user_tmp"
    "CCACHE_DIR=$SUBLET_CACHE/ccache" "CCACHE_BASEDIR=$root" "CCACHE_NOHASHDIR=1"
    # The tree may belong to another user than the one that builds it.
    "GIT_CONFIG_COUNT=1" "GIT_CONFIG_KEY_0=safe.directory" "GIT_CONFIG_VALUE_0=*")
  # XDG_RUNTIME_DIR and the bus belong to a login session of the caller: kept only for the caller's own runs.
  local keep="TERM CI GOPROXY GOSUMDB GONOSUMDB GONOPROXY GOPRIVATE GOFLAGS GOTOOLCHAIN http_proxy https_proxy no_proxy
    HTTP_PROXY HTTPS_PROXY NO_PROXY SSL_CERT_FILE SSL_CERT_DIR CMAKE_BUILD_PARALLEL_LEVEL"
  is_root || keep+=" USER LOGNAME XDG_RUNTIME_DIR DBUS_SESSION_BUS_ADDRESS"
  for name in $keep; do [ -z "${!name+set}" ] || user_env+=("$name=${!name}"); done
  ! is_root || user_env+=("USER=$test_user" "LOGNAME=$test_user")
}

# as_user CMD…: runs CMD as the unprivileged user with a clean environment and no capabilities left.
as_user() {
  if is_root; then
    env -i "${user_env[@]}" setpriv --reuid "$test_user" --regid "$test_user" --init-groups --inh-caps=-all -- "$@"
  else
    env -i "${user_env[@]}" "$@"
  fi
}

# With a clean /dev/net/tun the tests cover the tap. Devices of mode 0600 are common; only root may open them up.
open_tun() {
  [ -c /dev/net/tun ] || { say "no /dev/net/tun here: what needs a tap is skipped, clusters run without one"; return 0; }
  ! as_user test -w /dev/net/tun || return 0
  if is_root && chmod 0666 /dev/net/tun; then say "opened /dev/net/tun to all users (chmod 0666)"; return 0; fi
  say "/dev/net/tun is not writable: what needs a tap is skipped, clusters run without one (an administrator can: chmod 0666 /dev/net/tun)"
}

# become_ready SCRIPT-ARGS…: the user, a scratch directory of its own, and a tree that it can read and build in. A tree
# that it cannot reach (a clone in root's home) is copied to the cache, and the script starts again from there.
become_ready() {
  make_test_user
  user_tmp=/tmp
  fill_user_env
  user_tmp=$(as_user mktemp -d /tmp/st-XXXXXX)
  at_exit "rm -rf '$user_tmp'"
  fill_user_env
  is_root || { mkdir -p build "$SUBLET_CACHE"; return 0; }
  if as_user test -r "$root/CMakeLists.txt" -a -x "$root/scripts"; then
    mkdir -p build
    chown -R "$test_user:" build
    return 0
  fi
  local copy=$SUBLET_CACHE/tree
  say "user $test_user cannot read $root: working in a copy, $copy"
  mkdir -p "$copy"
  find "$copy" -mindepth 1 -maxdepth 1 ! -name build -exec rm -rf {} +
  tar -C "$root" --exclude=./build -cf - . | tar -C "$copy" -xf - --no-same-owner
  chmod -R go+rX "$copy"
  run_at_exit
  exec "$copy/scripts/$script" "$@"
}
