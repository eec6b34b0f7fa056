#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The cluster that the undisturbing scenarios share. cluster-down.sh takes it away.
. "$(dirname "$0")/lib.sh"
cluster=e2e
# What a run that was broken off may have left.
sublet down || true
sublet up --detach
k get nodes
sublet status
# A name that the API server does not know would be passed over, and the cache stay (launcher/cluster/watch_caches.h).
caches=$(k get --raw /metrics | sed -n 's/^watch_cache_capacity{group="\(.*\)",resource="\(.*\)"}.*/\2.\1/p' | sort | tr '\n' ' ')
same "$caches" "configmaps. csidrivers.storage.k8s.io deployments.apps endpointslices.discovery.k8s.io jobs.batch \
leases.coordination.k8s.io namespaces. nodes. pods. replicasets.apps runtimeclasses.node.k8s.io secrets. serviceaccounts. \
servicecidrs.networking.k8s.io services. statefulsets.apps "
