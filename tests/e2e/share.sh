#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# In a job that has one CPU and a part of the memory: the node offers just that, less what the cluster needs itself; a pod
# that asks for more waits with the scheduler's reason; volumes work with the kubelet in a mount namespace of its own.
. "$(dirname "$0")/lib.sh"
traces > "$tmp/before"
cpu=$(taskset -pc $$ | sed 's/.*: //; s/[-,].*//')
hosts="[$(hostname),broken"
export SLURM_JOB_ID=4711 SLURM_JOB_NODELIST="$hosts" SLURM_MEM_PER_NODE=3000 SLURM_CPUS_ON_NODE=64
at_end+=('"$SUBLET" down --name "$scenario"')
taskset -c "$cpu" "$SUBLET" up --detach --name "$scenario" 2> "$tmp/up" || fail "$(cat "$tmp/up")"
running=yes
say "what is malformed is named, and the start goes on"
contains "$(cat "$tmp/up")" "SLURM_JOB_NODELIST is «$hosts»"

node() { k get nodes -o jsonpath="{.items[0].status$1}"; }
same "$(node .capacity.cpu) $(node .capacity.memory)" "1 3000Mi"
same "$(node .allocatable.cpu) $(node .allocatable.memory)" "1 $((3000 - 512 - 100))Mi"
same "$(sublet status --json | jq -c '[.job.manager, .job.id, .share.cpus, .share.memory_by, .share.pods_memory_bytes]')" \
  "[\"slurm\",\"4711\",1,\"SLURM_MEM_PER_NODE\",$(((3000 - 512 - 100) << 20))]"
contains "$(sublet status)" "1 CPU (by the CPUs that we may run on), 2.9 GiB (by SLURM_MEM_PER_NODE)"

say "more than the share is not scheduled, and why is said"
asking() {
  k run "$1" --image "$busybox" --restart Never --overrides \
    '{"spec": {"containers": [{"name": "c", "image": "'"$busybox"'", "command": ["true"], "resources": {"requests": {"'"$2"'": "'"$3"'"}}}]}}'
}
asking wide cpu 2
asking big memory 2400Mi
asking fits memory 2000Mi
waits() { k get pod "$1" -o jsonpath='{.status.phase} {.status.conditions[0].message}' | grep -q "^Pending .*Insufficient $2"; }
eventually 20 waits wide cpu
eventually 20 waits big memory
succeeded fits
k delete pod wide big --now

say "volumes that the kubelet mounts reach the pods, which see the real machine"
k create configmap words --from-literal word=hello
apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: volumes}
spec:
  terminationGracePeriodSeconds: 0
  volumes: [{name: memory, emptyDir: {medium: Memory}}, {name: words, configMap: {name: words}}]
  containers:
    - name: c
      image: $busybox
      command: [sleep, infinity]
      volumeMounts: [{name: memory, mountPath: /memory}, {name: words, mountPath: /words}, {name: words, mountPath: /one, subPath: word}]
YAML
ready volumes
same "$(in_pod volumes 'cat /words/word; cat /one; grep -c " /memory tmpfs " /proc/mounts' | tr '\n' ' ')" "hellohello1 "
same "$(in_pod volumes 'grep MemTotal /proc/meminfo')" "$(grep MemTotal /proc/meminfo)"
same "$(in_pod volumes 'ls -d /var/run/secrets/kubernetes.io/serviceaccount/token')" /var/run/secrets/kubernetes.io/serviceaccount/token

say "too little memory for a cluster is refused at once, with what it takes"
same "$(SLURM_MEM_PER_NODE=600 status_of timeout 30 "$SUBLET" up --detach --name tiny)" 3
contains "$(cat "$tmp/err")" "the job has 600 MiB here (by SLURM_MEM_PER_NODE), and a cluster without any pod needs 700 MiB"
say "another job of the same name is another cluster"
same "$(SLURM_JOB_ID=4712 status_of "$SUBLET" up --detach --name "$scenario")" 0 "$(cat "$tmp/err")"
same "$("$SUBLET" status --json | jq -c '[.clusters[] | select(.name == "share") | .job.id] | sort')" '["4711","4712"]'
same "$(k get pod volumes -o name; SLURM_JOB_ID=4712 status_of k get pod volumes)" "pod/volumes
1"
SLURM_JOB_ID=4712 sublet down
sublet down
nothing_left 5 "$tmp/before"
