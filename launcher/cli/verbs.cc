// SPDX-License-Identifier: Apache-2.0
#include "launcher/cli/verbs.h"

#include <algorithm>

#include "base/check.h"
#include "base/strings.h"

namespace sublet::launcher {
namespace {

constexpr std::string_view kCluster = "Clusters";
constexpr std::string_view kUse = "Using one";
constexpr std::string_view kAbout = "About sublet";

constexpr VerbSpec kVerbs[] = {
    {Verb::kUp, "up", kCluster, "", "bring up a cluster and keep it until it is told to stop",
     "It ends on SIGINT, SIGTERM, `sublet down` or the end of the job, and leaves nothing behind. With --detach it "
     "returns when the cluster is ready.",
     "sublet up --detach && sublet kubectl get nodes"},
    {Verb::kRun, "run", kCluster, "[--] CMD [ARG…]", "bring up a cluster, run a command against it, take it down",
     "CMD finds the cluster by KUBECONFIG, and reaches its Services and pods by name as under exec. The exit status is "
     "CMD's. Options of sublet go before CMD.",
     "sublet run -- ./job.sh"},
    {Verb::kDown, "down", kCluster, "", "take a cluster down and remove all it had", "", "sublet down --name training"},
    {Verb::kStatus, "status", kCluster, "", "say which clusters run, and how they are",
     "All of yours on this host, or the one that --name or SUBLET_NAME names.", "sublet status --json"},
    {Verb::kDoctor, "doctor", kCluster, "",
     "say what this host gives, what is missing, what that costs, how to mend it",
     "Takes the options of up, and judges the host for them. The exit status is 3 if something required is missing.",
     "sublet doctor --admin"},
    {Verb::kKubectl, "kubectl", kUse, "[ARG…]", "run kubectl against the cluster",
     "All that follows goes to kubectl as it is; options of sublet go before the verb.",
     "sublet --name training kubectl get pods -A"},
    {Verb::kKubeconfig, "kubeconfig", kUse, "", "print the cluster's kubeconfig, or where it is", "",
     "export KUBECONFIG=$(sublet kubeconfig --path)"},
    {Verb::kEnv, "env", kUse, "", "print shell commands that point kubectl, and programs, at the cluster",
     "For programs there is REDIS_HOST and REDIS_PORT for a Service redis that has a port of the host.",
     "eval \"$(sublet env)\""},
    {Verb::kExec, "exec", kUse, "[--] CMD [ARG…]", "run a command of the host that reaches the cluster by its names",
     "CMD, and all that it starts, resolves names of Services and pods (web, web.team, web.team.svc.cluster.local, "
     "db-0.db) and connects to their addresses; MPI ranks too. Everything else it does is untouched. The exit status "
     "is "
     "CMD's. Programs with the setuid bit do not get its rights.",
     "sublet exec -- mpirun -n 4 ./simulation"},
    {Verb::kExpose, "expose", kUse, "[svc/NAME[:PORT]]", "give a Service a port of the host, and print it",
     "It answers processes of yours on this host alone, but with --public. Without a Service, all ports of the host "
     "that lead into the cluster.",
     "sublet expose svc/redis"},
    {Verb::kImages, "images", kUse, "import FILE… | list", "import image archives into the cluster, or list its images",
     "An archive is an OCI layout or the output of docker save, as .tar.", "sublet images import redis.tar"},
    {Verb::kLogs, "logs", kUse, "[COMPONENT]", "show a component's log; without a component, all of them", "",
     "sublet logs kubelet --follow"},
    {Verb::kConfig, "config", kAbout, "", "print every setting and where it came from",
     "Takes the options of up, and shows what they change.", "sublet config --set network.mtu=1500"},
    {Verb::kTimeline, "timeline", kAbout, "", "show what took how long at the last bring-up", "",
     "sublet timeline --svg timeline.svg"},
    {Verb::kVersion, "version", kAbout, "", "print the versions of sublet and of each component", "",
     "sublet version --json"},
    {Verb::kHelp, "help", kAbout, "[VERB]", "explain sublet or a verb", "", "sublet help run"},
};

std::vector<OptionSpec> make_options() {
  const std::vector<Verb> starting = {Verb::kUp, Verb::kRun, Verb::kDoctor, Verb::kConfig};
  std::vector<OptionSpec> all = {
      {OptionId::kJson,
       "--json",
       0,
       "",
       "Print JSON.",
       {Verb::kUp, Verb::kRun, Verb::kStatus, Verb::kDoctor, Verb::kImages, Verb::kConfig, Verb::kTimeline,
        Verb::kVersion, Verb::kEnv, Verb::kExpose}},
      {OptionId::kDryRun, "--dry-run", 0, "", "Print the plan, and do nothing.", {Verb::kUp, Verb::kRun}},
      {OptionId::kDetach, "--detach", 'd', "", "Return when the cluster is ready.", {Verb::kUp}},
      {OptionId::kStale, "--stale", 0, "", "Clear what killed clusters left, and touch no running one.", {Verb::kDown}},
      {OptionId::kAll, "--all", 'a', "", "All of your clusters on this host.", {Verb::kDown}},
      {OptionId::kAdmin, "--admin", 0, "", "Print the changes that an administrator would make.", {Verb::kDoctor}},
      {OptionId::kPath, "--path", 0, "", "Print the file's path.", {Verb::kKubeconfig}},
      {OptionId::kFollow, "--follow", 'f', "", "Go on as the log grows.", {Verb::kLogs}},
      {OptionId::kNet, "--net", 0, "", "Say which way pods' connections go, and why.", {Verb::kStatus}},
      {OptionId::kLines, "--lines", 'n', "COUNT", "Only the last COUNT lines.", {Verb::kLogs}},
      {OptionId::kPort, "--port", 0, "PORT", "This port of the host (default: 0, any).", {Verb::kExpose}},
      {OptionId::kAllHosts, "--all-hosts", 0, "", "On each host of the job.", {Verb::kExpose}},
      {OptionId::kPublic, "--public", 0, "", "Answer everybody who can reach the host.", {Verb::kExpose}},
      {OptionId::kRemove, "--remove", 0, "", "Take the Service's port back.", {Verb::kExpose}},
      {OptionId::kEnvFile, "--env-file", 0, "FILE", "Write KEY=VALUE lines such as REDIS_HOST=….", {Verb::kExpose}},
      {OptionId::kSvg, "--svg", 0, "FILE", "Write a picture.", {Verb::kTimeline}},
      {OptionId::kNamespace,
       "--namespace",
       'n',
       "NAME",
       "The namespace of names without one.",
       {Verb::kExec, Verb::kExpose}},
  };
  for (const Key& key : keys()) {
    if (key.scope == FlagScope::kNone) continue;
    std::string doc = key.doc.substr(0, key.doc.find(". ") + 1);
    if (doc.empty()) doc = key.doc;
    if (key.name == "run.reach") doc = "run: do without the cluster's names and addresses in CMD.";
    if (key.name == "network.tap") doc = "Do without a tap device: pods reach only each other.";
    if (!key.kind.choices.empty() && !key.metavar.empty()) doc += " One of " + join(key.kind.choices, ", ") + ".";
    if (key.kind.adds_up) doc += " Repeatable.";
    all.push_back({OptionId::kKey, key.flag, 0, key.metavar, doc,
                   key.scope == FlagScope::kEverywhere ? std::vector<Verb>() : starting, &key});
  }
  std::vector<OptionSpec> common = {
      {OptionId::kConfig, "--config", 0, "FILE", "Read this instead of your sublet.toml.", {}},
      {OptionId::kSet, "--set", 0, "KEY=VALUE", "Set any key of sublet.toml(5). Repeatable.", {}},
      {OptionId::kVerbose, "--verbose", 'v', "", "Say more; twice: all.", {}},
      {OptionId::kQuiet, "--quiet", 'q', "", "Say nothing but errors.", {}},
      {OptionId::kHelp, "--help", 'h', "", "Explain this verb.", {}},
  };
  all.insert(all.end(), common.begin(), common.end());
  return all;
}

}  // namespace

bool OptionSpec::belongs_to(Verb verb) const {
  return verbs.empty() || std::find(verbs.begin(), verbs.end(), verb) != verbs.end();
}

std::span<const VerbSpec> verbs() { return kVerbs; }

const VerbSpec& spec_of(Verb verb) {
  for (const VerbSpec& spec : kVerbs) {
    if (spec.verb == verb) return spec;
  }
  constexpr bool kVerbHasARow = false;
  CHECK(kVerbHasARow);
  return kVerbs[0];
}

const VerbSpec* find_verb(std::string_view name) {
  auto found = std::find_if(std::begin(kVerbs), std::end(kVerbs), [&](const VerbSpec& v) { return v.name == name; });
  return found == std::end(kVerbs) ? nullptr : found;
}

std::span<const OptionSpec> options() {
  static const std::vector<OptionSpec> kOptions = make_options();
  return kOptions;
}

const OptionSpec* find_option(std::string_view word) {
  for (const OptionSpec& option : options()) {
    if (word == option.long_name) return &option;
    if (option.short_name != 0 && word.size() == 2 && word[0] == '-' && word[1] == option.short_name) return &option;
  }
  return nullptr;
}

std::span<const std::string_view> log_components() {
  static constexpr std::string_view kNames[] = {
      "sublet",         "node-init",  "tap",     "broker",     "etcd",    "kube-apiserver", "kube-controller-manager",
      "kube-scheduler", "containerd", "kubelet", "kube-proxy", "coredns", "network-policy", "device-plugin"};
  return kNames;
}

}  // namespace sublet::launcher
