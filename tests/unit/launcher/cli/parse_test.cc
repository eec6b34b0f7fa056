// SPDX-License-Identifier: Apache-2.0
#include "launcher/cli/parse.h"

#include <catch2/catch.hpp>

using namespace sublet;
using namespace sublet::launcher;

namespace {

using Words = std::vector<std::string>;

Options parse(const Words& words) {
  Result<Options> options = parse_command_line(words);
  INFO((options ? "" : to_string(options.error())));
  REQUIRE(options);
  return *options;
}

std::string settings(const Options& options) {
  std::string text;
  for (const Setting& s : options.settings) text += s.key + "=" + s.value + " by " + s.origin + "; ";
  return text;
}

}  // namespace

TEST_CASE("cli: each verb is known by its name", "[cli]") {
  for (const VerbSpec& verb : verbs()) {
    Words words{std::string(verb.name)};
    if (verb.verb == Verb::kRun || verb.verb == Verb::kExec) words.push_back("true");
    if (verb.verb == Verb::kImages) words.push_back("list");
    CAPTURE(verb.name);
    CHECK(parse(words).verb == verb.verb);
  }
}

TEST_CASE("cli: exec's options end where its command begins", "[cli]") {
  const Options options = parse({"exec", "-n", "team", "--", "ls", "-n", "other"});
  CHECK(options.name_space == "team");
  CHECK(options.command == Words{"ls", "-n", "other"});
  CHECK(parse({"exec", "ls", "-n"}).command == Words{"ls", "-n"});
  CHECK(parse({"exec", "ls"}).name_space == "default");
}

TEST_CASE("cli: each option of a verb arrives in its field", "[cli]") {
  CHECK(parse({"up", "--detach"}).detach);
  CHECK(parse({"up", "-d"}).detach);
  CHECK(parse({"up", "--dry-run", "--json"}).dry_run);
  CHECK(parse({"up", "--dry-run", "--json"}).json);
  CHECK(parse({"down", "--stale"}).stale);
  CHECK(parse({"down", "-a"}).all);
  CHECK(parse({"doctor", "--admin"}).admin);
  CHECK(parse({"kubeconfig", "--path"}).path);
  CHECK(parse({"timeline", "--svg", "t.svg"}).svg_file == "t.svg");
  CHECK(parse({"status", "--config", "a", "--config=b"}).config_file == "b");
  CHECK(parse({"status", "-q"}).quiet);
  CHECK(parse({"status", "-v"}).verbose == 1);
  CHECK(parse({"status", "-vv"}).verbose == 2);
  Options logs = parse({"logs", "kubelet", "-f", "-n", "5"});
  CHECK(logs.component == "kubelet");
  CHECK(logs.follow);
  CHECK(logs.lines == 5U);
  CHECK(parse({"logs", "-n7", "etcd"}).lines == 7U);
  CHECK_FALSE(parse({"logs"}).lines);
  CHECK(parse({"images", "import", "a.tar", "list"}).files == Words{"a.tar", "list"});
  CHECK(parse({"images", "import", "a.tar"}).images == ImagesAction::kImport);
  CHECK(parse({"images", "list"}).images == ImagesAction::kList);
  Options plain = parse({"up"});
  CHECK_FALSE((plain.detach || plain.dry_run || plain.json || plain.quiet || plain.verbose != 0));
  CHECK(plain.settings.empty());
}

TEST_CASE("cli: flags of keys and --set become settings, in the order given, before the verb or after", "[cli]") {
  CHECK(settings(parse({"--name", "x", "up", "--image", "a", "--set", "images.archives=", "--image=b", "--no-tap"})) ==
        "cluster.name=x by --name; images.archives=a by --image; images.archives= by --set images.archives; "
        "images.archives=b by --image; network.tap=off by --no-tap; ");
  CHECK(settings(parse({"up", "--bind", "/a:/b:ro", "--bind", "/c", "--ready-timeout", "3m"})) ==
        "node.bind=/a:/b:ro by --bind; node.bind=/c by --bind; timeouts.ready=3m by --ready-timeout; ");
  CHECK(settings(parse({"status", "--set", "a=b=c"})) == "a=b=c by --set a; ");
  CHECK(settings(parse({"status", "-vv"})) == "logs.level=debug by --verbose; ");
  CHECK(settings(parse({"run", "-q", "x"})) == "logs.level=error by --quiet; ");
}

TEST_CASE("cli: every key with a flag can be given by it", "[cli]") {
  for (const OptionSpec& option : options()) {
    if (option.id != OptionId::kKey) continue;
    Words words{"up", option.long_name};
    if (option.takes_value()) words.push_back("value");
    Options wanted = parse(words);
    CAPTURE(option.long_name);
    REQUIRE(wanted.settings.size() == 1);
    CHECK(wanted.settings[0].key == option.key->name);
    CHECK(wanted.settings[0].value == (option.takes_value() ? "value" : option.key->flag_value));
  }
}

TEST_CASE("cli: what is CMD's or kubectl's passes untouched", "[cli]") {
  struct Case {
    Words words;
    Words command;
  };
  auto [words, command] = GENERATE(values<Case>({
      {{"run", "ls"}, {"ls"}},
      {{"run", "--", "ls", "-l", "--name", "x"}, {"ls", "-l", "--name", "x"}},
      {{"run", "ls", "--json", "--", "-v"}, {"ls", "--json", "--", "-v"}},
      {{"run", "--name", "up", "--no-tap", "ls", "--no-tap"}, {"ls", "--no-tap"}},
      {{"run", "--name=up", "-vv", "status"}, {"status"}},
      {{"run", "--", "--", "x"}, {"--", "x"}},
      {{"run", "--", "--odd"}, {"--odd"}},
      {{"--name", "run", "run", "ls"}, {"ls"}},
      {{"kubectl"}, {}},
      {{"kubectl", "get", "pods", "-A", "--name", "x", "-h"}, {"get", "pods", "-A", "--name", "x", "-h"}},
      {{"kubectl", "--help"}, {"--help"}},
      {{"kubectl", "exec", "p", "--", "ls", "-l"}, {"exec", "p", "--", "ls", "-l"}},
      {{"kubectl", "--", "get", "--", "x"}, {"get", "--", "x"}},
      {{"-v", "--name", "kubectl", "kubectl", "--frobnicate", ""}, {"--frobnicate", ""}},
  }));
  CAPTURE(words);
  CHECK(parse(words).command == command);
}

TEST_CASE("cli: mistakes name the word and what was meant", "[cli]") {
  struct Case {
    Words words;
    std::string what;
  };
  auto [words, what] = GENERATE(values<Case>({
      {{"statsu"}, "unknown verb \"statsu\"; did you mean status?"},
      {{"frobnicate"}, "unknown verb \"frobnicate\""},
      {{""}, "unknown verb \"\""},
      {{"help", "rnu"}, "unknown verb \"rnu\"; did you mean run?"},
      {{"help", "up", "down"}, "unexpected argument \"down\" of help"},
      {{"up", "--jsno"}, "up has no option --jsno; did you mean --json?"},
      {{"up", "--image-s=x"}, "up has no option --image-s; did you mean --image?"},
      {{"--dteach", "up"}, "up has no option --dteach; did you mean --detach?"},
      {{"down", "--detach"}, "down has no option --detach"},
      {{"kubectl", "--json"}, ""},
      {{"--json", "kubectl"}, "kubectl has no option --json"},
      {{"up", "-x"}, "up has no option -x"},
      {{"up", "--image"}, "--image needs a value: FILE"},
      {{"up", "--image="}, "--image needs a value: FILE"},
      {{"up", "--image", ""}, "--image needs a value: FILE"},
      {{"up", "--detach=no"}, "--detach takes no value"},
      {{"up", "--set", "foo"}, "--set foo: not of the form KEY=VALUE"},
      {{"up", "--set", "=x"}, "--set =x: not of the form KEY=VALUE"},
      {{"up", "now"}, "unexpected argument \"now\" of up"},
      {{"up", "--", "now"}, "unexpected argument \"now\" of up"},
      {{"run"}, "run: no command given"},
      {{"run", "--no-tap", "--"}, "run: no command given"},
      {{"images"}, "images: say what: import FILE… or list"},
      {{"images", "lst"}, "images: unknown action \"lst\"; did you mean list?"},
      {{"images", "list", "x"}, "unexpected argument \"x\" of images"},
      {{"images", "import"}, "images import: no FILE given"},
      {{"logs", "kublet"}, "logs: no component \"kublet\"; did you mean kubelet?"},
      {{"logs", "etcd", "kubelet"}, "unexpected argument \"kubelet\" of logs"},
      {{"logs", "-n", "few"}, "--lines: expected a whole number, got \"few\""},
      {{"up", "-q", "-v"}, "--quiet and --verbose exclude each other"},
      {{"down", "--stale", "--all"}, "--stale and --all exclude each other"},
      {{"--name", "x"}, "no verb given"},
      {{"--vresion"}, "unknown option --vresion; did you mean --version?"},
  }));
  CAPTURE(words);
  Result<Options> options = parse_command_line(words);
  REQUIRE(options.has_value() == what.empty());
  if (options) return;
  CHECK(options.error().what == what);
  CHECK(options.error().exit == ExitCode::kUsage);
}

TEST_CASE("cli: help and version", "[cli]") {
  CHECK(parse({}).exit == ExitCode::kUsage);
  CHECK(parse({}).text == help_text());
  for (const Words& words : {Words{"--help"}, Words{"-h"}, Words{"help"}}) {
    CHECK(parse(words).exit == ExitCode::kOk);
    CHECK(parse(words).text == help_text());
  }
  for (const Words& words :
       {Words{"help", "run"}, Words{"run", "--help"}, Words{"--help", "run", "x"}, Words{"run", "-vh"}}) {
    CAPTURE(words);
    CHECK(parse(words).verb == Verb::kHelp);
    CHECK(parse(words).text == help_text(Verb::kRun));
  }
  CHECK(parse({"help", "kubectl"}).text == help_text(Verb::kKubectl));
  CHECK(parse({"--version"}).verb == Verb::kVersion);
}

TEST_CASE("cli: main's argv without even a name is no crash", "[cli]") {
  char* none[] = {nullptr};
  CHECK(parse_command_line(0, none)->verb == Verb::kHelp);
}
