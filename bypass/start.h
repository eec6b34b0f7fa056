// SPDX-License-Identifier: Apache-2.0
// The broker's start, from the launcher's side.
#pragma once

#include "base/process.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "bypass/orders.h"

namespace sublet::bypass {

/// A broker that serves.
struct BrokerProcess {
  Process process;
  UniqueFd life;  // closing it ends the broker
};

/// What the broker is connected to; all borrowed.
struct BrokerLinks {
  int keeper;          // an end of a SOCK_SEQPACKET pair, whose other end the keeper has or will have
  int status;          // a listening SOCK_SEQPACKET socket
  int user_namespace;  // the cluster's
};

/// Starts `command` (a program that ends up in broker_main()) in the caller's network namespace and waits until it
/// serves, at most `timeout_ms`: so the keeper must be told at the same time. It dies with the calling thread.
[[nodiscard]] Result<BrokerProcess> start_broker(Command command, const BrokerOrders& orders, const BrokerLinks& links,
                                                 int timeout_ms);

}  // namespace sublet::bypass
