// SPDX-License-Identifier: Apache-2.0
#include "launcher/oci/wrapper.h"

int main(int argc, char** argv) { return sublet::launcher::oci_main(argc, argv); }
