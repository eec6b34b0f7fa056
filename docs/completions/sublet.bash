# SPDX-License-Identifier: Apache-2.0
# Made from the tables of verbs, options and keys: SUBLET_TEST_UPDATE=1 and the unit tests of the command line
# write it anew.
# shellcheck shell=bash
_sublet() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} verb='' words='' i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case ${COMP_WORDS[i]} in
      --lines|-n|--port|--env-file|--svg|--namespace|-n|--name|--components|--state-dir|--identity|--cgroups|--bypass|--cores|--bind|--image|--ready-timeout|--walltime|--log-dir|--config|--set) ((i++)) ;;
      -*|=) ;;
      *) verb=${COMP_WORDS[i]}; break ;;
    esac
  done
  [[ $verb == kubectl ]] && return
  case $prev in
    --lines|-n) compopt +o default; return ;;
    --port) compopt +o default; return ;;
    --env-file) return ;;
    --svg) return ;;
    --namespace|-n) compopt +o default; return ;;
    --name) compopt +o default; return ;;
    --components) mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
    --state-dir) mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
    --identity) mapfile -t COMPREPLY < <(compgen -W 'auto subuid single' -- "$cur"); return ;;
    --cgroups) mapfile -t COMPREPLY < <(compgen -W 'auto leaf systemd none' -- "$cur"); return ;;
    --bypass) mapfile -t COMPREPLY < <(compgen -W 'auto opt-in off' -- "$cur"); return ;;
    --cores) compopt +o default; return ;;
    --bind) return ;;
    --image) return ;;
    --ready-timeout) compopt +o default; return ;;
    --walltime) compopt +o default; return ;;
    --log-dir) mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
    --config) return ;;
    --set) compopt -o nospace; mapfile -t COMPREPLY < <(compgen -W 'cluster.name= components.dir= components.runtime= state.dir= identity.mode= cgroups.mode= cgroups.cpu_limits= cgroups.pod_pids= network.tap= network.mtu= network.ipv6= network.bypass= network.bypass_udp= network.device= network.deny= network.policy= network.ports= network.port_offset= network.public= network.node_cidr= network.pod_cidr= network.service_cidr= network.cluster_domain= run.reach= service_proxy.mode= node.cores= node.writable= node.gpus= node.cdi_dirs= node.bind= devices= images.snapshotter= images.archives= registries= storage.default_class= timeouts.ready= timeouts.stop= timeouts.walltime= timeouts.drain= timeouts.signal= logs.dir= logs.level=' -- "$cur"); return ;;
  esac
  case $verb in
    up) words='--json --dry-run --detach --components --identity --cgroups --no-tap --bypass --no-reach --cores --bind --image --ready-timeout --walltime --log-dir --name --state-dir --config --set --verbose --quiet --help' ;;
    run) words='--json --dry-run --components --identity --cgroups --no-tap --bypass --no-reach --cores --bind --image --ready-timeout --walltime --log-dir --name --state-dir --config --set --verbose --quiet --help' ;;
    down) words='--stale --all --name --state-dir --config --set --verbose --quiet --help' ;;
    status) words='--json --net --name --state-dir --config --set --verbose --quiet --help' ;;
    doctor) words='--json --admin --components --identity --cgroups --no-tap --bypass --no-reach --cores --bind --image --ready-timeout --walltime --log-dir --name --state-dir --config --set --verbose --quiet --help' ;;
    kubectl) words='--name --state-dir --config --set --verbose --quiet --help' ;;
    kubeconfig) words='--path --name --state-dir --config --set --verbose --quiet --help' ;;
    env) words='--json --name --state-dir --config --set --verbose --quiet --help' ;;
    exec) words='--namespace --name --state-dir --config --set --verbose --quiet --help' ;;
    expose) words='--json --port --all-hosts --public --remove --env-file --namespace --name --state-dir --config --set --verbose --quiet --help' ;;
    images) words='--json --name --state-dir --config --set --verbose --quiet --help' ;;
    logs) words='--follow --lines --name --state-dir --config --set --verbose --quiet --help' ;;
    config) words='--json --components --identity --cgroups --no-tap --bypass --no-reach --cores --bind --image --ready-timeout --walltime --log-dir --name --state-dir --config --set --verbose --quiet --help' ;;
    timeline) words='--json --svg --name --state-dir --config --set --verbose --quiet --help' ;;
    version) words='--json --name --state-dir --config --set --verbose --quiet --help' ;;
    help) words='--name --state-dir --config --set --verbose --quiet --help' ;;
    *) words='--name --state-dir --config --set --verbose --quiet --help --version' ;;
  esac
  if [[ $cur != -* ]]; then
    case $verb in
      '') words='up run down status doctor kubectl kubeconfig env exec expose images logs config timeline version help' ;;
      images) [[ $prev == images ]] || return; words='import list' ;;
      logs) words='sublet node-init tap broker etcd kube-apiserver kube-controller-manager kube-scheduler containerd kubelet kube-proxy coredns network-policy device-plugin' ;;
      help) words='up run down status doctor kubectl kubeconfig env exec expose images logs config timeline version help' ;;
      run) return ;;
      *) compopt +o default; return ;;
    esac
  fi
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}
complete -o default -F _sublet sublet
