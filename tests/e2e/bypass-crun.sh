#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The bypass, all of it, where crun of the host starts the containers instead of runc.
set -euo pipefail
crun=$(command -v crun) || { echo "skipped: crun is not installed"; exit 77; }
export SUBLET_COMPONENTS_RUNTIME=$crun
exec "$(dirname "$0")/bypass.sh"
