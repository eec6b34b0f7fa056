// SPDX-License-Identifier: Apache-2.0
#include "launcher/services/env_names.h"

#include <catch2/catch.hpp>

using namespace sublet::launcher;

TEST_CASE("variables: names are upper-cased, and carry the namespace where it is not the default", "[services]") {
  const auto variables = service_variables({
      {"expose", "default", "redis", "", "192.0.2.1", 40000, 6379},
      {"expose", "lab", "my-db.x", "sql", "192.0.2.1", 40001, 5432},
  });
  const std::map<std::string, std::string> expected = {
      {"REDIS_HOST", "192.0.2.1"},   {"REDIS_PORT", "40000"},           {"LAB_MY_DB_X_HOST", "192.0.2.1"},
      {"LAB_MY_DB_X_PORT", "40001"}, {"LAB_MY_DB_X_PORT_SQL", "40001"},
  };
  CHECK(variables == expected);
}

TEST_CASE("variables: expose goes before LoadBalancer before NodePort, the lower port before the higher",
          "[services]") {
  const auto variables = service_variables({
      {"NodePort", "default", "web", "http", "192.0.2.1", 30080, 80},
      {"LoadBalancer", "default", "web", "admin", "192.0.2.1", 8081, 8081},
      {"LoadBalancer", "default", "web", "http", "192.0.2.1", 8080, 80},
      {"hostPort", "default", "web", "", "192.0.2.1", 1, 1},
      {"expose", "default", "web", "admin", "192.0.2.1", 0, 8081},  // not had
  });
  CHECK(variables.at("WEB_PORT") == "8080");
  CHECK(variables.at("WEB_PORT_HTTP") == "8080");
  CHECK(variables.at("WEB_PORT_ADMIN") == "8081");
  CHECK(variables.size() == 4);
  CHECK(service_variables({{"expose", "default", "web", "", "192.0.2.1", 40000, 80},
                           {"LoadBalancer", "default", "web", "", "192.0.2.1", 8080, 80}})
            .at("WEB_PORT") == "40000");
}
