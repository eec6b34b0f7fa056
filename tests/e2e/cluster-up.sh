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
