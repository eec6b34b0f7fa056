// SPDX-License-Identifier: Apache-2.0
#include "launcher/cluster/watch_caches.h"

#include <array>

namespace sublet::launcher {
namespace {

// Resources that seldom change and that few watch: in a cluster of one job a controller or two, and the API server
// itself. Each cache is a store, some goroutines and a look each second at who wants a bookmark; with those of all 57
// resources an idle API server takes half as much time again. What every node watches (runtimeclasses, csidrivers,
// servicecidrs) and what pods and their controllers change keeps its cache.
constexpr std::array kWithout = {"endpoints",
                                 "limitranges",
                                 "persistentvolumeclaims",
                                 "persistentvolumes",
                                 "podtemplates",
                                 "replicationcontrollers",
                                 "resourcequotas",
                                 "mutatingadmissionpolicies.admissionregistration.k8s.io",
                                 "mutatingadmissionpolicybindings.admissionregistration.k8s.io",
                                 "mutatingwebhookconfigurations.admissionregistration.k8s.io",
                                 "validatingadmissionpolicies.admissionregistration.k8s.io",
                                 "validatingadmissionpolicybindings.admissionregistration.k8s.io",
                                 "validatingwebhookconfigurations.admissionregistration.k8s.io",
                                 "customresourcedefinitions.apiextensions.k8s.io",
                                 "apiservices.apiregistration.k8s.io",
                                 "controllerrevisions.apps",
                                 "daemonsets.apps",
                                 "horizontalpodautoscalers.autoscaling",
                                 "cronjobs.batch",
                                 "certificatesigningrequests.certificates.k8s.io",
                                 "flowschemas.flowcontrol.apiserver.k8s.io",
                                 "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io",
                                 "ingressclasses.networking.k8s.io",
                                 "ingresses.networking.k8s.io",
                                 "ipaddresses.networking.k8s.io",
                                 "networkpolicies.networking.k8s.io",
                                 "poddisruptionbudgets.policy",
                                 "clusterrolebindings.rbac.authorization.k8s.io",
                                 "clusterroles.rbac.authorization.k8s.io",
                                 "rolebindings.rbac.authorization.k8s.io",
                                 "roles.rbac.authorization.k8s.io",
                                 "deviceclasses.resource.k8s.io",
                                 "resourceclaims.resource.k8s.io",
                                 "resourceclaimtemplates.resource.k8s.io",
                                 "resourceslices.resource.k8s.io",
                                 "priorityclasses.scheduling.k8s.io",
                                 "csinodes.storage.k8s.io",
                                 "csistoragecapacities.storage.k8s.io",
                                 "storageclasses.storage.k8s.io",
                                 "volumeattachments.storage.k8s.io",
                                 "volumeattributesclasses.storage.k8s.io"};

}  // namespace

std::string without_watch_cache() {
  std::string text;
  for (const char* resource : kWithout) {
    if (!text.empty()) text += ',';
    text.append(resource).append("#0");
  }
  return text;
}

}  // namespace sublet::launcher
