// SPDX-License-Identifier: Apache-2.0
// The broker: answers the calls that the listeners of watched containers hand over. It runs in the host's network
// namespace and in the cluster's user namespace, so that it makes the host's sockets and may look into pods, and has no
// more right over the host than the user.
//
// Theory of operation. A thread for each listener waits for its calls and answers them (Calls): what one pod does holds
// up no other. Connects that take longer are handed to one thread for all (Pending). Sockets of pods come from a thread
// that may enter their namespaces (PodSockets), epoll registrations are moved by one with a descriptor table of its own
// (EpollRepair). The first thread has the event loop: new listeners from the keeper, the host's routes, questions.
#pragma once

#include <functional>
#include <memory>

#include "bypass/doors.h"

namespace sublet::bypass {

/// Is told of each pod once, on the first thread.
using OnPod = std::function<void(Doors& doors, const std::shared_ptr<Pod>& pod)>;

/// The hidden verb; descriptors: orders.h. Dies with its parent. Ends with 0 when the other end of kReadyFd closes,
/// with 1 after saying why where it cannot work. Does not return.
[[nodiscard]] int broker_main(OnPod on_pod = nullptr);

}  // namespace sublet::bypass
