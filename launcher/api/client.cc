// SPDX-License-Identifier: Apache-2.0
#include "launcher/api/client.h"

#include <curl/curl.h>
#include <fmt/format.h>
#include <poll.h>

#include <array>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/check.h"
#include "base/handle.h"
#include "base/strings.h"
#include "launcher/api/manifest.h"

namespace sublet::launcher {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using Headers = Handle<curl_slist, curl_slist_free_all>;

constexpr std::size_t kLineLimit = std::size_t{4} << 20;
constexpr std::size_t kAnswerLimit = std::size_t{64} << 20;
// Between two looks. A look at a server that is not there yet costs 0.1 ms, so this is what is lost on average twice.
constexpr milliseconds kPause{20};
// One look's own deadline: a server that accepts but does not answer yet must not hold up the wait for long.
constexpr milliseconds kLookTimeout{2'000};

struct Answer {
  long status = 0;
  std::string body;
};

int code_of(long status) {
  switch (status) {
    case 400:
    case 422: return EINVAL;
    case 401:
    case 403: return EACCES;
    case 404: return ENOENT;
    case 409: return EEXIST;
    case 429:
    case 503: return EAGAIN;
    default: return EIO;
  }
}

// An answer that is read line by line. One that is no success is an object of many lines, and kept as it is.
struct Lines {
  const std::function<bool(std::string_view)>& on_line;
  CURL* curl;
  std::string rest;
  bool refused = false;

  static std::size_t take(char* data, std::size_t size, std::size_t count, void* self) {
    auto* lines = static_cast<Lines*>(self);
    constexpr long kOk = 200;
    long status = 0;
    curl_easy_getinfo(lines->curl, CURLINFO_RESPONSE_CODE, &status);
    lines->rest.append(data, size * count);
    if (lines->rest.size() > kLineLimit) return 0;
    if (status != kOk) return size * count;
    std::size_t start = 0;
    for (std::size_t end = 0; (end = lines->rest.find('\n', start)) != std::string::npos; start = end + 1) {
      lines->refused = !lines->on_line(std::string_view(lines->rest).substr(start, end - start));
      if (lines->refused) return 0;
    }
    lines->rest.erase(0, start);
    return size * count;
  }
};

// The `message` of a Status object, else the text's beginning.
std::string message_of(const std::string& body) {
  constexpr std::size_t kShown = 500;
  const json parsed = json::parse(body, nullptr, false);
  if (parsed.is_object() && parsed.contains("message") && parsed["message"].is_string()) return parsed["message"];
  return std::string(trim(body)).substr(0, kShown);
}

Unexpected failed(const std::string& what, int code) {
  return Unexpected(Error{what, {}, std::error_code(code, std::generic_category())});
}

}  // namespace

struct ApiClient::State {
  ClientPlan plan;
  Handle<CURLM, curl_multi_cleanup> calls;
  Handle<CURL, curl_easy_cleanup> curl;  // goes first
  void* sink = nullptr;                  // where an answer goes, if not into call()'s own
  std::optional<Error> socket_error;     // what plan.socket said; curl only learns that there is none

  static curl_socket_t open_socket(void* self, curlsocktype, curl_sockaddr*) {
    auto* state = static_cast<State*>(self);
    auto socket = state->plan.socket();
    if (socket) return socket->release();
    state->socket_error = std::move(socket).error();
    return CURL_SOCKET_BAD;
  }

  static std::size_t take_body(char* data, std::size_t size, std::size_t count, void* body) {
    auto* text = static_cast<std::string*>(body);
    if (text->size() + size * count > kAnswerLimit) return 0;
    text->append(data, size * count);
    return size * count;
  }

  Result<void> set_up();
  CURLcode perform();
  Result<Answer> call(const char* method, const std::string& path, const std::string* body, const char* content_type,
                      milliseconds timeout);
  Result<std::string> must(const char* method, const std::string& path, const std::string* body = nullptr,
                           const char* content_type = "application/json");
  Result<json> must_json(const char* method, const std::string& path, const json* body = nullptr);
};

Result<void> ApiClient::State::set_up() {
  static const CURLcode kGlobal = curl_global_init(CURL_GLOBAL_DEFAULT);
  calls.reset(curl_multi_init());
  curl.reset(curl_easy_init());
  if (kGlobal != CURLE_OK || !calls || !curl) return fail("libcurl can't be initialised");
  CURL* easy = curl.get();
  bool ok = true;
  const auto set = [&](CURLoption option, auto value) { ok = ok && curl_easy_setopt(easy, option, value) == CURLE_OK; };
  // The PEM texts live in plan, which lives as long as the handle: no copies.
  const auto blob = [&](CURLoption option, std::string& text) {
    curl_blob data{text.data(), text.size(), CURL_BLOB_NOCOPY};
    if (!text.empty()) set(option, &data);
  };
  // Not CURLOPT_NOSIGNAL: without it libcurl keeps SIGPIPE, which a vanished server would send us, off by itself.
  set(CURLOPT_PROXY, "");  // the user's https_proxy is not for 127.0.0.1
  set(CURLOPT_PROTOCOLS_STR, "https");
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_USERAGENT, "sublet");
  set(CURLOPT_TCP_NODELAY, 1L);
  set(CURLOPT_WRITEFUNCTION, &State::take_body);
  blob(CURLOPT_CAINFO_BLOB, plan.ca_pem);
  blob(CURLOPT_SSLCERT_BLOB, plan.cert_pem);
  blob(CURLOPT_SSLKEY_BLOB, plan.key_pem);
  if (plan.socket) {
    set(CURLOPT_OPENSOCKETFUNCTION, &State::open_socket);
    set(CURLOPT_OPENSOCKETDATA, this);
  }
  if (!ok) return fail("this libcurl lacks an option that is needed");
  return {};
}

// As curl_easy_perform(), but that one looks once a second whether there is something: a watch, which waits all day,
// would wake a processor each time.
CURLcode ApiClient::State::perform() {
  constexpr int kLongestNapMs = 60'000;  // no longer than until the call's own time-out
  CURLcode code = CURLE_FAILED_INIT;
  if (curl_multi_add_handle(calls.get(), curl.get()) != CURLM_OK) return code;
  int running = 1;
  while (running != 0) {
    if (curl_multi_perform(calls.get(), &running) != CURLM_OK) break;
    if (running != 0 && curl_multi_poll(calls.get(), nullptr, 0, kLongestNapMs, nullptr) != CURLM_OK) break;
  }
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(calls.get(), &left))
    if (message->msg == CURLMSG_DONE) code = message->data.result;
  (void)curl_multi_remove_handle(calls.get(), curl.get());
  return code;
}

Result<Answer> ApiClient::State::call(const char* method, const std::string& path, const std::string* body,
                                      const char* content_type, milliseconds timeout) {
  CURL* easy = curl.get();
  Answer answer;
  std::array<char, CURL_ERROR_SIZE> text{};
  const std::string url = plan.server + path;
  Headers headers(curl_slist_append(nullptr, fmt::format("Content-Type: {}", content_type).c_str()));
  if (headers) (void)curl_slist_append(headers.get(), "Expect:");  // no waiting for "100 Continue"
  curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
  curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);  // forgets an earlier call's body
  if (body != nullptr) {
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body->size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body->c_str());
  }
  curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, sink != nullptr ? sink : &answer.body);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, text.data());
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(timeout.count()));
  socket_error.reset();
  const CURLcode code = perform();
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, nullptr);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, nullptr);
  if (socket_error) return tl::unexpected(std::move(*socket_error).while_doing("a socket in the cluster's network"));
  if (code == CURLE_OK) {
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &answer.status);
    return answer;
  }
  const std::string why = text[0] != '\0' ? text.data() : curl_easy_strerror(code);
  return failed(why, code == CURLE_OPERATION_TIMEDOUT ? ETIMEDOUT : EAGAIN);
}

Result<std::string> ApiClient::State::must(const char* method, const std::string& path, const std::string* body,
                                           const char* content_type) {
  const std::string doing = fmt::format("{} {}", method, path);
  Answer answer = TRY_WHILE(doing, call(method, path, body, content_type, plan.timeout));
  constexpr long kFirstGood = 200;
  constexpr long kAfterGood = 300;
  if (answer.status >= kFirstGood && answer.status < kAfterGood) return std::move(answer.body);
  return failed(fmt::format("{}: {}: {}", doing, answer.status, message_of(answer.body)), code_of(answer.status));
}

Result<json> ApiClient::State::must_json(const char* method, const std::string& path, const json* body) {
  std::string text;
  if (body != nullptr) text = body->dump(-1, ' ', false, json::error_handler_t::replace);
  const std::string answer = TRY(must(method, path, body != nullptr ? &text : nullptr));
  json parsed = json::parse(answer, nullptr, false);
  if (parsed.is_discarded()) return failed(fmt::format("{} {}: the answer is not JSON", method, path), EIO);
  return parsed;
}

ApiClient::ApiClient(std::unique_ptr<State> state) : state_(std::move(state)) {}
ApiClient::ApiClient(ApiClient&&) noexcept = default;
ApiClient& ApiClient::operator=(ApiClient&&) noexcept = default;
ApiClient::~ApiClient() = default;

Result<ApiClient> ApiClient::create(ClientPlan plan) {
  auto state = std::make_unique<State>();
  state->plan = std::move(plan);
  TRY(state->set_up());
  return ApiClient(std::move(state));
}

Result<json> ApiClient::get(const std::string& path) { return state_->must_json("GET", path); }
Result<json> ApiClient::post(const std::string& path, const json& body) {
  return state_->must_json("POST", path, &body);
}
Result<json> ApiClient::put(const std::string& path, const json& body) { return state_->must_json("PUT", path, &body); }
Result<json> ApiClient::patch(const std::string& path, const json& body) {
  const std::string text = body.dump(-1, ' ', false, json::error_handler_t::replace);
  const std::string answer = TRY(state_->must("PATCH", path, &text, "application/merge-patch+json"));
  json parsed = json::parse(answer, nullptr, false);
  if (parsed.is_discarded()) return failed(fmt::format("PATCH {}: the answer is not JSON", path), EIO);
  return parsed;
}
Result<json> ApiClient::remove(const std::string& path) { return state_->must_json("DELETE", path); }
Result<std::string> ApiClient::get_text(const std::string& path) { return state_->must("GET", path); }

Result<void> ApiClient::follow(const std::string& path, milliseconds timeout,
                               const std::function<bool(std::string_view)>& on_line) {
  CURL* easy = state_->curl.get();
  Lines lines{on_line, easy, {}, false};
  state_->sink = &lines;
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &Lines::take);
  const auto answer = state_->call("GET", path, nullptr, "application/json", timeout);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &State::take_body);
  state_->sink = nullptr;
  if (lines.refused) return failed("GET " + path + ": ended, as the last line was not what it should be", EIO);
  if (!answer) return tl::unexpected(Error(answer.error()).while_doing("GET " + path));
  constexpr long kOk = 200;
  if (answer->status == kOk) return {};
  return failed(fmt::format("GET {}: {}: {}", path, answer->status, message_of(lines.rest)), code_of(answer->status));
}

Result<void> ApiClient::apply(const json& object) {
  const std::string path = TRY(object_path(object));
  // The content type says YAML; JSON is YAML, and parses faster.
  const std::string body = object.dump(-1, ' ', false, json::error_handler_t::replace);
  (void)TRY_WHILE("applying " + object_label(object), state_->must("PATCH", path + "?fieldManager=sublet&force=true",
                                                                   &body, "application/apply-patch+yaml"));
  return {};
}

namespace {

// Calls `attempt` until it gives true, or an error; `last` says at the deadline what was missing.
template <typename Attempt>
Result<void> try_until(steady_clock::time_point deadline, const Between& between, const std::string& what,
                       const std::string& last, Attempt attempt) {
  for (;;) {
    if (TRY(attempt())) return {};
    if (between) TRY(between());
    if (steady_clock::now() + kPause >= deadline)
      return fail("no end of waiting for " + what + " in the time allowed" + (last.empty() ? "" : "; last: " + last),
                  {}, ExitCode::kNotReady);
    (void)::poll(nullptr, 0, static_cast<int>(kPause.count()));
  }
}

// What a server that is starting answers for a moment only.
bool may_pass(const Error& error) {
  if (error.is(EAGAIN) || error.is(ENOENT) || error.is(ETIMEDOUT) || error.is(EIO)) return true;
  // 422 for a Service until the allocator has heard of the range that its address is of.
  return error.is(EINVAL) && error.what.find("failed to allocate IP") != std::string::npos;
}

}  // namespace

Result<void> ApiClient::apply_all(std::string_view manifests, milliseconds timeout, const Between& between) {
  const auto deadline = steady_clock::now() + timeout;
  for (const json& object : TRY(parse_manifests(manifests))) {
    (void)TRY(object_path(object));
    std::string last;
    TRY(try_until(deadline, between, "the API server to take " + object_label(object), last, [&]() -> Result<bool> {
      auto applied = apply(object);
      if (applied) return true;
      if (!may_pass(applied.error())) return tl::unexpected(std::move(applied).error());
      last = applied.error().what;
      return false;
    }));
  }
  return {};
}

bool ApiClient::is_ready() {
  constexpr long kOk = 200;
  const auto answer = state_->call("GET", "/readyz", nullptr, "application/json", kLookTimeout);
  return answer && answer->status == kOk;
}

Result<void> ApiClient::wait_ready(milliseconds timeout, const Between& between) {
  return wait_ok("/readyz", "the API server to be ready", timeout, between);
}

Result<void> ApiClient::wait_serving(milliseconds timeout, const Between& between) {
  return wait_ok("/livez/ping", "the API server to answer", timeout, between);
}

Result<void> ApiClient::wait_ok(const std::string& path, const char* what, milliseconds timeout,
                                const Between& between) {
  constexpr long kOk = 200;
  std::string last;
  return try_until(steady_clock::now() + timeout, between, what, last, [&]() -> Result<bool> {
    const auto answer = state_->call("GET", path, nullptr, "application/json", std::min(kLookTimeout, timeout));
    if (answer && answer->status == kOk) return true;
    last = answer ? fmt::format("{}: {}", answer->status, message_of(answer->body)) : answer.error().what;
    return false;
  });
}

Result<void> ApiClient::wait_until(const std::string& what, const std::string& path,
                                   const std::function<bool(const json&)>& done, milliseconds timeout,
                                   const Between& between) {
  std::string last;
  return try_until(steady_clock::now() + timeout, between, what, last, [&]() -> Result<bool> {
    const auto answer = get(path);
    if (answer) return done(*answer);
    if (!may_pass(answer.error())) return tl::unexpected(answer.error());
    last = answer.error().what;
    return false;
  });
}

}  // namespace sublet::launcher
