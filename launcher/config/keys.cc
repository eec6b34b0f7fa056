// SPDX-License-Identifier: Apache-2.0
#include "launcher/config/keys.h"

#include <algorithm>

#include "launcher/config/kinds.h"

namespace sublet::launcher {
namespace {

// The longest name that still fits a state directory's socket paths (sun_path, 108 bytes).
constexpr std::size_t kLongestName = 32;
constexpr std::int64_t kDay = 86400;

std::vector<Key> cluster_keys() {
  return {
      {.name = "cluster.name",
       .env = "SUBLET_NAME",
       .doc = "The cluster's name: several of one user may run at once under different ones.",
       .kind = kinds::text(&Config::name, "a DNS label of at most 32 characters",
                           [](std::string_view text) { return wrong_dns_label(text, kLongestName); }),
       .scope = FlagScope::kEverywhere,
       .flag = "--name",
       .metavar = "NAME"},
      {.name = "components.dir",
       .env = "SUBLET_COMPONENTS_DIR",
       .doc = "The directory of Kubernetes, etcd, containerd, runc, CNI plugins and coredns. Empty: those that were "
              "installed with sublet.",
       .kind = kinds::path(&Config::components_dir, "a directory"),
       .scope = FlagScope::kStart,
       .flag = "--components",
       .metavar = "DIR"},
      {.name = "components.runtime",
       .env = "SUBLET_COMPONENTS_RUNTIME",
       .doc =
           "The OCI runtime that starts containers, by its path: a runc or crun of the host's. Empty: the components' "
           "runc.",
       .kind = kinds::path(&Config::oci_runtime, "an OCI runtime"),
       .sample = "runtime = \"/usr/bin/crun\""},
      {.name = "state.dir",
       .env = "SUBLET_STATE_DIR",
       .doc =
           "Where clusters keep all they have, each in a directory of its own that goes with it. Must be on a disk of "
           "this host, never on NFS, Lustre, GPFS or another network file system. Empty: $TMPDIR, then /dev/shm or "
           "/tmp, whichever has more space.",
       .kind = kinds::path(&Config::state_dir, "a directory"),
       .scope = FlagScope::kEverywhere,
       .flag = "--state-dir",
       .metavar = "DIR",
       .sample = "dir = \"/local/$USER\""},
      {.name = "identity.mode",
       .env = "SUBLET_IDENTITY_MODE",
       .doc =
           "Which ids containers have. \"subuid\": a range from /etc/subuid by newuidmap. \"single\": all run as you, "
           "and changes of owner are faked. \"auto\": subuid where it works.",
       .kind = kinds::choice(&Config::identity, {"auto", "subuid", "single"}),
       .scope = FlagScope::kStart,
       .flag = "--identity",
       .metavar = "MODE"},
      {.name = "cgroups.mode",
       .env = "SUBLET_CGROUPS_MODE",
       .doc =
           "Where pods get cgroups of their own, which their limits need. \"leaf\": inside the job's cgroup, in a part "
           "that a hook of the site's handed over, or in our own if that is ours; it is divided then even if nobody "
           "said so. \"systemd\": in a scope of your own systemd, with the job's limits on it. \"none\": nowhere; "
           "they share the job's cgroup, and limits of single pods are not enforced. \"auto\": the first of these "
           "that works. What doesn't work ends as \"none\", with the reason; it never keeps a cluster from starting.",
       .kind = kinds::choice(&Config::cgroups, {"auto", "leaf", "systemd", "none"}),
       .scope = FlagScope::kStart,
       .flag = "--cgroups",
       .metavar = "MODE"},
      {.name = "cgroups.cpu_limits",
       .env = "SUBLET_CGROUPS_CPU_LIMITS",
       .doc = "Whether CPU limits of pods are enforced (cpu.max): a pod that has used its share of a period is stopped "
              "for the rest of it, which makes programs with several threads up to three times slower. Without, CPU "
              "requests still weigh (cpu.weight). Memory limits are enforced either way.",
       .kind = kinds::boolean(&Config::cpu_limits)},
      {.name = "cgroups.pod_pids",
       .env = "SUBLET_CGROUPS_POD_PIDS",
       .doc = "How many processes and threads one pod may have, where pods have cgroups. 0: as many as the job.",
       .kind = kinds::integer(&Config::pod_pids, 0, 4194304)},
  };
}

std::vector<Key> network_keys() {
  return {
      {.name = "network.tap",
       .env = "SUBLET_NETWORK_TAP",
       .doc = "\"auto\": pods reach the network through a tap device where /dev/net/tun can be used. \"off\": without "
              "one; pods then reach only each other.",
       .kind = kinds::choice(&Config::tap, {"auto", "off"}),
       .scope = FlagScope::kStart,
       .flag = "--no-tap",
       .flag_value = "off"},
      {.name = "network.mtu",
       .env = "SUBLET_NETWORK_MTU",
       .doc = "The tap's and the pods' MTU. IPv6 needs at least 1280.",
       .kind = kinds::integer(&Config::mtu, 576, 65520)},
      {.name = "network.ipv6",
       .env = "SUBLET_NETWORK_IPV6",
       .doc = "Whether the node has IPv6 towards the outside.",
       .kind = kinds::boolean(&Config::ipv6)},
      {.name = "network.bypass",
       .env = "SUBLET_NETWORK_BYPASS",
       .doc = "\"auto\": pods' outgoing TCP connections run as the host's own, at its speed, where the kernel can do "
              "that; a pod opts out by the annotation sublet.dev/bypass: \"off\". \"opt-in\": only those of pods "
              "with sublet.dev/bypass: \"fast\". \"off\": none.",
       .kind = kinds::choice(&Config::bypass, {"auto", "opt-in", "off"}),
       .scope = FlagScope::kStart,
       .flag = "--bypass",
       .metavar = "MODE"},
      {.name = "network.bypass_udp",
       .env = "SUBLET_NETWORK_BYPASS_UDP",
       .doc = "Whether pods with sublet.dev/bypass: \"fast-udp\" get UDP sockets that they connect run as the host's, "
              "too; else that is \"fast\". Only for programs that you trust: one that means harm reaches UDP ports of "
              "the host's loopback by such a socket.",
       .kind = kinds::boolean(&Config::bypass_udp)},
      {.name = "network.device",
       .env = "SUBLET_NETWORK_DEVICE",
       .doc = "The host's network device that bypassed connections leave by. Empty: the one of the default route. What "
              "the host would send by another one goes through the tap.",
       .kind = kinds::text(&Config::device, "a network device such as \"eth0\"", wrong_device)},
      {.name = "network.deny",
       .env = "SUBLET_NETWORK_DENY",
       .doc = "Networks outside that pods must not reach. There is no bypass then: only the tap can hold to a list "
              "whatever a pod tries.",
       .kind = kinds::prefixes(&Config::deny),
       .sample = "deny = [\"10.200.0.0/16\"]"},
      {.name = "network.policy",
       .env = "SUBLET_NETWORK_POLICY",
       .doc =
           "\"auto\": NetworkPolicies are enforced by nftables where they work; a pod that a policy holds in what it "
           "sends has no bypass. \"off\": nobody heeds them.",
       .kind = kinds::choice(&Config::policy, {"auto", "off"})},
  };
}

std::vector<Key> port_and_address_keys() {
  return {
      {.name = "network.ports",
       .env = "SUBLET_NETWORK_PORTS",
       .doc =
           "\"auto\": NodePort, hostPort and LoadBalancer get their ports on the host's address, and `sublet expose` "
           "gets one for any Service, where there is a bypass. They answer processes of yours alone. \"off\": none.",
       .kind = kinds::choice(&Config::ports, {"auto", "off"})},
      {.name = "network.port_offset",
       .env = "SUBLET_NETWORK_PORT_OFFSET",
       .doc = "Added to ports under 1024 that a LoadBalancer, a hostPort or `sublet expose --port` asks for, as a host "
              "gives those to root alone: with 8000, port 80 is the host's 8080.",
       .kind = kinds::integer(&Config::port_offset, 0, 64511)},
      {.name = "network.public",
       .env = "SUBLET_NETWORK_PUBLIC",
       .doc = "Whether ports of NodePort, hostPort and LoadBalancer answer everybody who can reach the host. A Service "
              "says so for itself by the annotation sublet.dev/public: \"true\" or \"false\".",
       .kind = kinds::boolean(&Config::public_ports)},
      {.name = "network.node_cidr",
       .env = "SUBLET_NETWORK_NODE_CIDR",
       .doc =
           "The network between the node and the tap driver. Change it, and the two below, where the site uses these "
           "addresses for something that pods must reach.",
       .kind = kinds::cidr(&Config::node_cidr, 8, 25)},
      {.name = "network.pod_cidr",
       .env = "SUBLET_NETWORK_POD_CIDR",
       .doc = "The pods' addresses.",
       .kind = kinds::cidr(&Config::pod_cidr, 8, 28)},
      // The API server refuses a service range of more than 2^20 addresses.
      {.name = "network.service_cidr",
       .env = "SUBLET_NETWORK_SERVICE_CIDR",
       .doc = "The Services' cluster addresses. The tenth is the DNS server's.",
       .kind = kinds::cidr(&Config::service_cidr, 12, 28)},
      {.name = "network.cluster_domain",
       .env = "SUBLET_NETWORK_CLUSTER_DOMAIN",
       .doc = "The DNS domain of the cluster's names.",
       .kind = kinds::text(&Config::cluster_domain, "a DNS name", wrong_dns_name)},
      {.name = "run.reach",
       .env = "SUBLET_RUN_REACH",
       .doc =
           "Whether the command of run reaches the cluster's names and addresses, as under exec. Programs under it do "
           "not get the rights of a setuid bit or of file capabilities (no_new_privs), sudo for one.",
       .kind = kinds::boolean(&Config::reach),
       .scope = FlagScope::kStart,
       .flag = "--no-reach",
       .flag_value = "false"},
      {.name = "service_proxy.mode",
       .env = "SUBLET_SERVICE_PROXY_MODE",
       .doc = "How kube-proxy sends a Service's connections to its pods. \"auto\": by nftables where they work, else "
              "by iptables.",
       .kind = kinds::choice(&Config::proxy, {"auto", "nftables", "iptables"})},
  };
}

std::vector<Key> node_keys() {
  return {
      {.name = "node.cores",
       .env = "SUBLET_NODE_CORES",
       .doc = "The CPUs that the cluster's own daemons run on, as in \"0,8-11\"; pods may use all that you have. "
              "\"auto\": "
              "outside of those that other processes of yours are bound to; all, if none is bound. \"all\": all.",
       .kind = kinds::text(&Config::cores, "\"auto\", \"all\" or CPUs such as \"0,8-11\"", wrong_cores),
       .scope = FlagScope::kStart,
       .flag = "--cores",
       .metavar = "CPUS"},
      {.name = "node.writable",
       .env = "SUBLET_NODE_WRITABLE",
       .doc = "Further host directories that are writable inside at their own paths, as your home and the working "
              "directory are (scratch, project space). All else of the host is read-only there.",
       .kind = kinds::paths(&Config::writable, "array of directories"),
       .sample = "writable = [\"/scratch/$USER\"]"},
      {.name = "node.gpus",
       .env = "SUBLET_NODE_GPUS",
       .doc = "\"auto\": pods may ask for the GPUs that are yours here, by nvidia.com/gpu, amd.com/gpu or "
              "gpu.intel.com/i915 (or xe). \"off\": for none.",
       .kind = kinds::choice(&Config::gpus, {"auto", "off"})},
      {.name = "node.cdi_dirs",
       .env = "SUBLET_NODE_CDI_DIRS",
       .doc = "Directories of CDI specifications (Container Device Interface), besides /etc/cdi and /run/cdi. A file "
              "that others can write is passed over.",
       .kind = kinds::paths(&Config::cdi_dirs, "array of directories"),
       .sample = "cdi_dirs = [\"/opt/site/cdi\"]"},
      {.name = "node.bind",
       .env = "SUBLET_NODE_BIND",
       .doc = "Host directories or files shown inside the node, where pods may mount them by hostPath. target: where "
              "(empty: at its own path); read_only: false if not given. One [[node.bind]] table each.",
       .kind = kinds::binds(&Config::binds),
       .scope = FlagScope::kStart,
       .flag = "--bind",
       .metavar = "SRC[:DST[:ro]]",
       .sample = "[[node.bind]]\nsource = \"/projects/data\"\ntarget = \"/data\"\nread_only = true"},
      {.name = "devices",
       .env = "SUBLET_DEVICES",
       .doc = "Devices of the host's that pods may ask for, one [[devices]] table each. resource: by which name, as "
              "\"example.org/tun\"; paths: the device nodes that a pod gets; cdi: and what these names of CDI mean; "
              "count: to how many containers at once (1 if not given). Several tables of one resource are several "
              "devices. What a host does not have is not offered there.",
       .kind = kinds::devices(&Config::devices),
       .sample =
           "[[devices]]\nresource = \"example.org/infiniband\"\npaths = [\"/dev/infiniband/uverbs0\"]\ncount = 64"},
  };
}

std::vector<Key> image_and_storage_keys() {
  return {
      {.name = "images.snapshotter",
       .env = "SUBLET_IMAGES_SNAPSHOTTER",
       .doc =
           "How containerd layers images. \"auto\": overlayfs where it works, else native (each container copies its "
           "image). This version does not have fuse-overlayfs: a start refuses it.",
       .kind = kinds::choice(&Config::snapshotter, {"auto", "overlayfs", "fuse-overlayfs", "native"})},
      {.name = "images.archives",
       .env = "SUBLET_IMAGES_ARCHIVES",
       .doc = "Image archives (OCI layout or docker save, as .tar) imported at start, or directories of such.",
       .kind = kinds::paths(&Config::archives, "array of files or directories"),
       .scope = FlagScope::kStart,
       .flag = "--image",
       .metavar = "FILE",
       .sample = "archives = [\"/projects/images\"]"},
      {.name = "registries",
       .env = "SUBLET_REGISTRIES",
       .doc =
           "How images of a registry are fetched, one [registries.\"HOST\"] table each. mirrors: URLs tried in order "
           "before the registry itself; ca_file: PEM; credentials_file: a line \"user:password\" for HOST, or docker's "
           "config.json with auths for HOST and its mirrors, readable by you alone (0600); plain_http: no TLS.",
       .kind = kinds::registries(&Config::registries),
       .sample = "[registries.\"docker.io\"]\nmirrors = [\"https://mirror.example.org\"]\n"
                 "ca_file = \"/etc/pki/site-ca.pem\"\ncredentials_file = \"~/.docker/config.json\"\n"
                 "plain_http = false"},
      {.name = "storage.default_class",
       .env = "SUBLET_STORAGE_DEFAULT_CLASS",
       .doc = "Whether there is a default StorageClass, backed by the state directory.",
       .kind = kinds::boolean(&Config::default_storage_class)},
  };
}

std::vector<Key> life_keys() {
  return {
      {.name = "timeouts.ready",
       .env = "SUBLET_TIMEOUTS_READY",
       .doc = "How long bring-up may take. Exit status 4 when it is over.",
       .kind = kinds::seconds(&Config::ready_timeout, 1, kDay),
       .scope = FlagScope::kStart,
       .flag = "--ready-timeout",
       .metavar = "TIME"},
      {.name = "timeouts.stop",
       .env = "SUBLET_TIMEOUTS_STOP",
       .doc = "How long shutdown may take until what is left is killed.",
       .kind = kinds::seconds(&Config::stop_timeout, 0, kDay)},
      {.name = "timeouts.walltime",
       .env = "SUBLET_TIMEOUTS_WALLTIME",
       .doc =
           "How long the cluster may live, from the start on; 0: as long as the job, whose end Slurm, Flux and Torque "
           "tell. The earlier of both counts. Exit status 5 when it is over.",
       .kind = kinds::seconds(&Config::walltime, 0, 366 * kDay),
       .scope = FlagScope::kStart,
       .flag = "--walltime",
       .metavar = "TIME"},
      {.name = "timeouts.drain",
       .env = "SUBLET_TIMEOUTS_DRAIN",
       .doc = "How long the command of run, and the pods, get to end by themselves before the walltime is over. Where "
              "less than twice that is left, half of what is left.",
       .kind = kinds::seconds(&Config::drain_timeout, 0, kDay)},
      {.name = "timeouts.signal",
       .env = "SUBLET_TIMEOUTS_SIGNAL",
       .doc = "The signal by which the workload manager tells that the job ends soon (sbatch --signal=USR1@120): the "
              "cluster drains and ends with status 5. \"off\": none; both are passed on to the command of run.",
       .kind = kinds::choice(&Config::drain_signal, {"USR1", "USR2", "off"})},
      {.name = "logs.dir",
       .env = "SUBLET_LOGS_DIR",
       .doc = "Where the components' logs are kept. Empty: in the state directory, and gone with it.",
       .kind = kinds::path(&Config::log_dir, "a directory"),
       .scope = FlagScope::kStart,
       .flag = "--log-dir",
       .metavar = "DIR",
       .sample = "dir = \"~/sublet-logs\""},
      {.name = "logs.level",
       .env = "SUBLET_LOGS_LEVEL",
       .doc = "The least level that sublet itself prints. -q, -v and -vv are error, info and debug.",
       .kind = kinds::choice(&Config::log_level, {"debug", "info", "warning", "error"})},
  };
}

}  // namespace

std::span<const Key> keys() {
  static const std::vector<Key> kKeys = [] {
    std::vector<Key> all;
    for (auto* part :
         {cluster_keys, network_keys, port_and_address_keys, node_keys, image_and_storage_keys, life_keys}) {
      for (Key& key : part()) all.push_back(std::move(key));
    }
    return all;
  }();
  return kKeys;
}

const Key* find_key(std::string_view name) {
  auto found = std::find_if(keys().begin(), keys().end(), [&](const Key& key) { return key.name == name; });
  return found == keys().end() ? nullptr : &*found;
}

std::vector<std::string> key_names() {
  std::vector<std::string> names;
  for (const Key& key : keys()) names.push_back(key.name);
  return names;
}

std::span<const OtherVariable> other_variables() {
  static constexpr OtherVariable kVariables[] = {
      {"SUBLET_CONFIG", "The user's file, instead of the usual one. --config goes before it."},
      {"SUBLET_SITE_DIR", "The directory of the site's files, instead of /etc/sublet: for environment modules."},
      {"SUBLET_CACHE", "Where the build scripts keep downloads and built components."},
      {"SUBLET_EXEC", "Set by exec for its command: the cluster that it reaches, by state directory and namespace."},
      {"SUBLET_TEST_*", "Any variable of the tests and benchmarks."},
  };
  return kVariables;
}

}  // namespace sublet::launcher
