// SPDX-License-Identifier: Apache-2.0
// The broker's start, from the launcher's side.
#pragma once

#include "base/process.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "bypass/orders.h"

namespace sublet::bypass {

/// A broker.
struct BrokerProcess {
  Process process;
  UniqueFd life;  // one byte comes once it serves; closing it ends the broker
};

/// What the broker is connected to; all borrowed.
struct BrokerLinks {
  int keeper;             // an end of a SOCK_SEQPACKET pair, whose other end the keeper has or will have
  int status;             // a listening SOCK_SEQPACKET socket
  int user_namespace;     // the cluster's
  int ports = -1;         // an end of a SOCK_SEQPACKET pair; with BrokerOrders::ports
  int node_network = -1;  // with BrokerOrders::ports
};

/// Starts `command` (a program that ends up in broker_main()) in the caller's network namespace; does not wait for it
/// to serve. It dies with the calling thread.
[[nodiscard]] Result<BrokerProcess> start_broker(Command command, const BrokerOrders& orders, const BrokerLinks& links);

}  // namespace sublet::bypass
