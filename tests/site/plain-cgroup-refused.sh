# shellcheck shell=bash source=tests/site/lib.sh
# SPDX-License-Identifier: Apache-2.0
# The cgroup ladder where something is denied: what is planned then, with the true reason, and that a start which finds out
# only at the last moment goes on without cgroups.
. "$SITE_TREE/tests/site/lib.sh"
# shellcheck source=tests/site/cgroups.sh
. "$SITE_TREE/tests/site/cgroups.sh"

booted
# plan USER OPTION…: the rung, then what is said to be lost with it.
plan() {
  local user=$1
  shift
  "${session[@]}" "$SUBLET" up --dry-run --json "$@" > "$tmp/plan.json"
  jq -r '.cgroups, (.lost[] | select(startswith("cgroups: ")))' "$tmp/plan.json"
}
# planned RUNG TEXT…: in what the last plan said.
planned() {
  same "$(head -n 1 <<< "$said")" "$1"
  shift
  for text in "$@"; do contains "$said" "$text"; done
}

# A user without a manager.
session=(as ben)
said=$(plan ben)
say "$said"
planned none "no user bus: /run/user/$(id -u ben)/bus" "/cgroup.procs: Permission denied"

# One whose bus does not let us in.
session=(as ann)
said=$(plan ann)
planned systemd
bus=/run/user/$(id -u ann)/bus
mv "$bus" "$bus.away"
as ann sh -c ': > "$0"' "$bus"
said=$(plan ann)
planned none "systemd: $bus: Connection refused"
rm "$bus"
mv "$bus.away" "$bus"

said=$(plan ann --cgroups none)
planned none 'cgroups.mode is "none"'
said=$(plan ann --cgroups leaf)
planned none 'leaf: '

# A delegation that lies: the leaf lists controllers, but somebody sits in it.
job=$cgroup2/job
mkdir -p "$job/task" "$job/sublet"
for directory in "$cgroup2" "$job"; do echo +memory +cpu +pids > "$directory/cgroup.subtree_control"; done
chown ann "$job/cgroup.procs" "$job/sublet" "$job/sublet"/cgroup.{procs,threads,subtree_control}
sleep 1000 &
sitter=$!
echo "$sitter" > "$job/sublet/cgroup.procs"
session=(sh -c 'echo $$ > "$0/cgroup.procs"; exec "$@"' "$job/task" setpriv --reuid ann --regid ann --init-groups --reset-env
  env -C /home/ann PATH=/usr/sbin:/usr/bin:/sbin:/bin SUBLET_IMAGES_ARCHIVES="$SITE_TREE/build/images")
said=$(plan ann --cgroups leaf)
say "$said"
planned none "the memory controller is listed, but not to be had" "Device or resource busy"
kill "$sitter"
wait "$sitter" || true
said=$(plan ann --cgroups leaf)
planned leaf
same "$(find "$job/sublet" -mindepth 1 -type d)" "" "the look leaves nothing"
same "$(cat "$job/sublet/cgroup.subtree_control")" ""

# What the plan cannot see: one cgroup more is allowed, which is enough to try, and too few for a cluster. The start finds it
# out and goes on without.
echo 1 > "$job/sublet/cgroup.max.descendants"
said=$(plan ann --cgroups leaf)
planned leaf
up --cgroups leaf
show '{rung: .ladders.cgroups, lost}'
same "$(status | jq -r .ladders.cgroups)" none
contains "$(status | jq -r '.lost[]')" "/sublet/sublet-local-box/system: Resource temporarily unavailable"
as ann "$SUBLET" down --name box
free "$job/sublet" "$job/task" "$job"
