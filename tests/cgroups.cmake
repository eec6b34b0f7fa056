unit_tests(cgroups SOURCES probe_test.cc systemd_test.cc DEPS cgroups PkgConfig::systemd Threads::Threads)
