// SPDX-License-Identifier: Apache-2.0

// Package conformance names the test suite that this module is for, so that `go mod tidy` keeps what it needs.
// It is built by `go test -c k8s.io/kubernetes/test/e2e`, never imported.
package conformance

import _ "k8s.io/kubernetes/test/e2e"
