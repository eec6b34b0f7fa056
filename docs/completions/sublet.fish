# SPDX-License-Identifier: Apache-2.0
# Made from the tables of verbs, options and keys: SUBLET_TEST_UPDATE=1 and the unit tests of the command line
# write it anew.
function __sublet_verb
    set -l skip 0
    for word in (commandline -opc)[2..-1]
        if test $skip = 1
            set skip 0
            continue
        end
        switch $word
            case --lines -n --port --env-file --svg --namespace -n --name --components --state-dir --identity --cgroups --bypass --cores --bind --image --ready-timeout --walltime --log-dir --config --set
                set skip 1
            case '-*'
            case '*'
                echo $word
                return
        end
    end
end

function __sublet_verb_is
    set -l verb (__sublet_verb)
    test -n "$verb"; and contains -- $verb $argv
end

complete -c sublet -f
complete -c sublet -n 'test -z (__sublet_verb)""' -l version -d 'Print the version.'
complete -c sublet -n 'test -z (__sublet_verb)""' -a up -d 'bring up a cluster and keep it until it is told to stop'
complete -c sublet -n 'test -z (__sublet_verb)""' -a run -d 'bring up a cluster, run a command against it, take it down'
complete -c sublet -n 'test -z (__sublet_verb)""' -a down -d 'take a cluster down and remove all it had'
complete -c sublet -n 'test -z (__sublet_verb)""' -a status -d 'say which clusters run, and how they are'
complete -c sublet -n 'test -z (__sublet_verb)""' -a doctor -d 'say what this host gives, what is missing, what that costs, how to mend it'
complete -c sublet -n 'test -z (__sublet_verb)""' -a kubectl -d 'run kubectl against the cluster'
complete -c sublet -n 'test -z (__sublet_verb)""' -a kubeconfig -d 'print the cluster’s kubeconfig, or where it is'
complete -c sublet -n 'test -z (__sublet_verb)""' -a env -d 'print shell commands that point kubectl, and programs, at the cluster'
complete -c sublet -n 'test -z (__sublet_verb)""' -a exec -d 'run a command of the host that reaches the cluster by its names'
complete -c sublet -n 'test -z (__sublet_verb)""' -a expose -d 'give a Service a port of the host, and print it'
complete -c sublet -n 'test -z (__sublet_verb)""' -a images -d 'import image archives into the cluster, or list its images'
complete -c sublet -n 'test -z (__sublet_verb)""' -a logs -d 'show a component’s log; without a component, all of them'
complete -c sublet -n 'test -z (__sublet_verb)""' -a config -d 'print every setting and where it came from'
complete -c sublet -n 'test -z (__sublet_verb)""' -a timeline -d 'show what took how long at the last bring-up'
complete -c sublet -n 'test -z (__sublet_verb)""' -a version -d 'print the versions of sublet and of each component'
complete -c sublet -n 'test -z (__sublet_verb)""' -a help -d 'explain sublet or a verb'
complete -c sublet -n '__sublet_verb_is up run status doctor images config timeline version env expose' -l json -d 'Print JSON.'
complete -c sublet -n '__sublet_verb_is up run' -l dry-run -d 'Print the plan, and do nothing.'
complete -c sublet -n '__sublet_verb_is up' -s d -l detach -d 'Return when the cluster is ready.'
complete -c sublet -n '__sublet_verb_is down' -l stale -d 'Clear what killed clusters left, and touch no running one.'
complete -c sublet -n '__sublet_verb_is down' -s a -l all -d 'All of your clusters on this host.'
complete -c sublet -n '__sublet_verb_is doctor' -l admin -d 'Print the changes that an administrator would make.'
complete -c sublet -n '__sublet_verb_is kubeconfig' -l path -d 'Print the file’s path.'
complete -c sublet -n '__sublet_verb_is logs' -s f -l follow -d 'Go on as the log grows.'
complete -c sublet -n '__sublet_verb_is status' -l net -d 'Say which way pods’ connections go, and why.'
complete -c sublet -n '__sublet_verb_is logs' -s n -l lines -d 'Only the last COUNT lines.' -x
complete -c sublet -n '__sublet_verb_is expose' -l port -d 'This port of the host (default: 0, any).' -x
complete -c sublet -n '__sublet_verb_is expose' -l all-hosts -d 'On each host of the job.'
complete -c sublet -n '__sublet_verb_is expose' -l public -d 'Answer everybody who can reach the host.'
complete -c sublet -n '__sublet_verb_is expose' -l remove -d 'Take the Service’s port back.'
complete -c sublet -n '__sublet_verb_is expose' -l env-file -d 'Write KEY=VALUE lines such as REDIS_HOST=….' -r -F
complete -c sublet -n '__sublet_verb_is timeline' -l svg -d 'Write a picture.' -r -F
complete -c sublet -n '__sublet_verb_is exec expose' -s n -l namespace -d 'The namespace of names without one.' -x
complete -c sublet -n 'not __sublet_verb_is kubectl' -l name -d 'The cluster’s name: several of one user may run at once under different ones.' -x
complete -c sublet -n '__sublet_verb_is up run doctor config' -l components -d 'The directory of Kubernetes, etcd, containerd, runc, CNI plugins and coredns.' -x -a '(__fish_complete_directories)'
complete -c sublet -n 'not __sublet_verb_is kubectl' -l state-dir -d 'Where clusters keep all they have, each in a directory of its own that goes with it.' -x -a '(__fish_complete_directories)'
complete -c sublet -n '__sublet_verb_is up run doctor config' -l identity -d 'Which ids containers have. One of auto, subuid, single.' -x -a 'auto subuid single'
complete -c sublet -n '__sublet_verb_is up run doctor config' -l cgroups -d 'Where pods get cgroups of their own, which their limits need. One of auto, leaf, systemd, none.' -x -a 'auto leaf systemd none'
complete -c sublet -n '__sublet_verb_is up run doctor config' -l no-tap -d 'Do without a tap device: pods reach only each other.'
complete -c sublet -n '__sublet_verb_is up run doctor config' -l bypass -d '"auto": pods’ outgoing TCP connections run as the host’s own, at its speed, where the kernel can do that; a pod opts out by the annotation sublet.dev/bypass: "off". One of auto, opt-in, off.' -x -a 'auto opt-in off'
complete -c sublet -n '__sublet_verb_is up run doctor config' -l no-reach -d 'run: do without the cluster’s names and addresses in CMD.'
complete -c sublet -n '__sublet_verb_is up run doctor config' -l cores -d 'The CPUs that the cluster’s own daemons run on, as in "0,8-11"; pods may use all that you have.' -x
complete -c sublet -n '__sublet_verb_is up run doctor config' -l bind -d 'Host directories or files shown inside the node, where pods may mount them by hostPath. Repeatable.' -r -F
complete -c sublet -n '__sublet_verb_is up run doctor config' -l image -d 'Image archives (OCI layout or docker save, as .tar) imported at start, or directories of such. Repeatable.' -r -F
complete -c sublet -n '__sublet_verb_is up run doctor config' -l ready-timeout -d 'How long bring-up may take.' -x
complete -c sublet -n '__sublet_verb_is up run doctor config' -l walltime -d 'How long the cluster may live, from the start on; 0: as long as the job, whose end Slurm, Flux and Torque tell.' -x
complete -c sublet -n '__sublet_verb_is up run doctor config' -l log-dir -d 'Where the components’ logs are kept.' -x -a '(__fish_complete_directories)'
complete -c sublet -n 'not __sublet_verb_is kubectl' -l config -d 'Read this instead of your sublet.toml.' -r -F
complete -c sublet -n 'not __sublet_verb_is kubectl' -l set -d 'Set any key of sublet.toml(5). Repeatable.' -x -a 'cluster.name= components.dir= components.runtime= state.dir= identity.mode= cgroups.mode= cgroups.cpu_limits= cgroups.pod_pids= network.tap= network.mtu= network.ipv6= network.bypass= network.bypass_udp= network.device= network.deny= network.policy= network.ports= network.port_offset= network.public= network.node_cidr= network.pod_cidr= network.service_cidr= network.cluster_domain= run.reach= service_proxy.mode= node.cores= node.writable= node.gpus= node.cdi_dirs= node.bind= devices= images.snapshotter= images.archives= registries= storage.default_class= timeouts.ready= timeouts.stop= timeouts.walltime= timeouts.drain= timeouts.signal= logs.dir= logs.level='
complete -c sublet -n 'not __sublet_verb_is kubectl' -s v -l verbose -d 'Say more; twice: all.'
complete -c sublet -n 'not __sublet_verb_is kubectl' -s q -l quiet -d 'Say nothing but errors.'
complete -c sublet -n 'not __sublet_verb_is kubectl' -s h -l help -d 'Explain this verb.'
complete -c sublet -n '__sublet_verb_is images' -a 'import list'
complete -c sublet -n '__sublet_verb_is images' -F
complete -c sublet -n '__sublet_verb_is logs' -a 'sublet node-init tap broker etcd kube-apiserver kube-controller-manager kube-scheduler containerd kubelet kube-proxy coredns network-policy device-plugin'
complete -c sublet -n '__sublet_verb_is help' -a 'up run down status doctor kubectl kubeconfig env exec expose images logs config timeline version help'
complete -c sublet -n '__sublet_verb_is kubectl' -F
complete -c sublet -n '__sublet_verb_is run' -x -a '(__fish_complete_subcommand --fcs-skip=2)'
