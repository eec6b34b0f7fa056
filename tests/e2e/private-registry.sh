#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A registry that wants a password: with credentials_file its images are pulled, without it they are not. The registry is a
# pod on the node's network: busybox' httpd and the files of an image that the cluster does not have.
. "$(dirname "$0")/lib.sh"
[ -e "$source_dir/build/images/redis.tar" ] || skip "build/images/redis.tar is not built (scripts/build-images)"
mine=$(mktemp -d "$HOME/e2e-registry-XXXXXX")
at_end+=('rm -rf "$mine"')

mkdir -p "$tmp/layout" "$mine/www/v2/redis/manifests" "$mine/www/v2/redis/blobs"
tar -C "$tmp/layout" -xf "$source_dir/build/images/redis.tar"
cp -r "$tmp/layout/blobs/sha256" "$tmp/blobs"
for blob in "$tmp/blobs"/*; do cp "$blob" "$mine/www/v2/redis/blobs/sha256:${blob##*/}"; done
digest=$(jq -r '.manifests[0].digest' "$tmp/layout/index.json")
# The tag's ending gives the manifest its media type.
for name in 7.oci "$digest"; do cp "$tmp/blobs/${digest#sha256:}" "$mine/www/v2/redis/manifests/$name"; done
printf '%s\n' '/v2:ann:hunter2' '.oci:application/vnd.oci.image.manifest.v1+json' > "$mine/httpd.conf"
chmod -R a+rX "$mine"

(umask 077; echo 'ann:hunter2' > "$tmp/auth")
cat > "$tmp/config.toml" <<TOML
[registries."127.0.0.1:5000"]
plain_http = true
credentials_file = "$tmp/auth"
[registries."localhost:5000"]
plain_http = true
TOML
export SUBLET_CONFIG=$tmp/config.toml SUBLET_IMAGES_ARCHIVES=$source_dir/build/images/busybox.tar

# A file that others can read, or that holds no password, is found before anything is started.
chmod 0640 "$tmp/auth"
same "$(status_of sublet up --dry-run)" 2
chmod 0600 "$tmp/auth"
echo hunter2 > "$tmp/auth"
same "$(status_of sublet up --dry-run)" 2
contains "$(cat "$tmp/err")" 'no user and password'
! grep -q hunter2 "$tmp/err" || fail "the message holds the password"
echo 'ann:hunter2' > "$tmp/auth"

own_cluster
apply << YAML
apiVersion: v1
kind: Pod
metadata: {name: registry}
spec:
  hostNetwork: true
  terminationGracePeriodSeconds: 0
  volumes: [{name: mine, hostPath: {path: "$mine"}}]
  containers:
    - name: registry
      image: $busybox
      command: [httpd, -f, -p, "127.0.0.1:5000", -h, "$mine/www", -c, "$mine/httpd.conf"]
      volumeMounts: [{name: mine, mountPath: "$mine"}]
YAML
ready registry
eventually 10 prints 'HTTP/1.1 401 Unauthorized' in_pod registry \
  "printf 'GET /v2/redis/manifests/7.oci HTTP/1.1\r\n\r\n' | nc -w 2 127.0.0.1 5000 | head -1 | tr -d '\r'"

run_redis() { k run "$1" --image "$2" --restart Never --command -- redis-server --version; }
run_redis allowed 127.0.0.1:5000/redis:7.oci
run_redis denied localhost:5000/redis:7.oci
succeeded allowed
contains "$(k logs allowed)" 'Redis server v='
denied() { k describe pod denied | grep -q 'no basic auth credentials'; }
eventually 30 denied
same "$(k get pod denied -o jsonpath='{.status.phase}')" Pending
