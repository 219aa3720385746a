-- The numbers for Prometheus: what is counted, what the labels may be, and that the text is what Prometheus reads.

local aicc = require "aicc"
local child = require "spec.support.child"
local errors = require "aicc.error"
local loop = require "aicc.loop"
local metrics = require "aicc.metrics"
local prometheus = require "spec.support.prometheus"
local sandbox = require "aicc.sandbox"
local scene = require "spec.support.scene"
local shared = require "aicc.shared"

local RELEASE = 'operation="release_agent_by_skill"'

local server

before_each(function() server = assert(sandbox.start { agents = { [3] = { "1001", "1002" } } }) end)
after_each(function() server:stop() end)

local function client_of(counted, more)
  local options = { on_event = counted:listener() }
  for name, value in pairs(more or {}) do options[name] = value end
  return assert(server:client(options))
end

local PROMTOOL = child.shell "command -v promtool" -- Prometheus' own judge, where there is one

local function numbers(counted)
  local text = counted:text()
  if PROMTOOL then
    local pipe = assert(io.popen(PROMTOOL .. " check metrics", "w"))
    pipe:write(text)
    assert.truthy(pipe:close(), text)
  end
  return (prometheus.read(text))
end

-- Where numbers can be kept here. nginx's dict is in nginx_spec.
local PLACES = {
  ["a table"] = function() return nil end,
  ["aicc.shared"] = function() return shared.new("metrics " .. tostring({})) end,
}

for place, open in pairs(PLACES) do
  describe("in " .. place, function()
    it("calls, attempts, retries, throttles, settles and tokens are counted by what they came to", function()
      local counted = metrics.new { shared = open() }
      local client = client_of(counted, scene.options(scene.skipping()))
      assert(client:query_agents(3))
      server:fault { operation = "release_agent_by_skill", status = 429 }
      server:fault { operation = "release_agent_by_skill", from = 2, status = 503 }
      server:fault { operation = "release_agent_by_skill", from = 3, close = "request", apply = true, to = 4 }
      assert(client:release_agent_by_skill(3, { "1001" }))
      assert.equal("guard", scene.nth(2, client:release_agent_by_skill(3, {})).kind)
      for _ in client:each_agent(3) do end -- luacheck: ignore
      assert(client:access_token())
      client:close()
      local found = numbers(counted)
      local expected = {
        ['aicc_calls_total{kind="none",operation="query_agents",outcome="answered"}'] = 2,
        ['aicc_calls_total{kind="none",operation="release_agent_by_skill",outcome="applied_earlier"}'] = 1,
        ['aicc_calls_total{kind="guard",operation="release_agent_by_skill",outcome="not_sent"}'] = 1,
        ['aicc_calls_total{kind="none",operation="token",outcome="answered"}'] = 1,
        ['aicc_attempts_total{kind="throttled",operation="release_agent_by_skill",outcome="rejected"}'] = 1,
        ['aicc_attempts_total{kind="server",operation="release_agent_by_skill",outcome="unknown"}'] = 1,
        ['aicc_attempts_total{kind="network",operation="release_agent_by_skill",outcome="unknown"}'] = 2,
        ['aicc_attempts_total{kind="none",operation="token",outcome="answered"}'] = 1,
        ['aicc_throttles_total{' .. RELEASE .. "}"] = 1,
        ['aicc_retries_total{kind="server",' .. RELEASE .. "}"] = 1,
        ['aicc_settles_total{found="done",' .. RELEASE .. "}"] = 1,
        ["aicc_tokens_total"] = 1, ["aicc_warnings_total"] = 0, ["aicc_metrics_lost_total"] = 0,
        ["aicc_call_seconds_count{" .. RELEASE .. "}"] = 2, ["aicc_attempt_seconds_count{" .. RELEASE .. "}"] = 4,
      }
      for name, value in pairs(expected) do assert.equal(value, found[name], name) end
      assert.truthy(found["aicc_attempt_seconds_sum{" .. RELEASE .. "}"] > 0)
      assert.equal(0, found["aicc_in_flight{" .. RELEASE .. "}"])
    end)

    it("what is under way is counted, and not for ever where it is dropped", function()
      local counted = metrics.new { shared = open() }
      local client = client_of(counted)
      assert(client:access_token())
      server:fault { operation = "release_agent_by_skill", hold = true, to = 2 }
      local during
      for _ = 1, 2 do loop.spawn(function() assert(client:release_agent_by_skill(3, { "1001" })) end) end
      loop.spawn(function()
        while server:stats().held < 2 do loop.sleep(0.005) end
        during = numbers(counted)
        server:release_held()
      end)
      loop.run()
      assert.equal(2, during["aicc_in_flight{" .. RELEASE .. "}"])
      assert.equal(0, numbers(counted)["aicc_in_flight{" .. RELEASE .. "}"])
      local hear = counted:listener()
      hear { type = "send", operation = "token", id = 10 ^ 6, timeout = -4.9 } -- 0.1 s of its grace are left
      assert.equal(1, numbers(counted)['aicc_in_flight{operation="token"}'])
      scene.nth(1, require("aicc.core").sleep(0.11))
      assert.equal(0, numbers(counted)['aicc_in_flight{operation="token"}'])
      client:close()
    end)
  end)
end

it("several clients, and several sets of numbers in one place, add up", function()
  local place = shared.new "metrics of two"
  local one, two = metrics.new { shared = place }, metrics.new { shared = place }
  local first, second = client_of(one), client_of(two)
  assert(first:query_agents(3))
  assert(second:query_agents(3))
  local name = 'aicc_calls_total{kind="none",operation="query_agents",outcome="answered"}'
  assert.same({ 2, 2 }, { numbers(one)[name], numbers(two)[name] })
  first:close()
  second:close()
end)

it("the buckets of a histogram add up", function()
  local counted = metrics.new()
  local hear = counted:listener()
  for _, seconds in ipairs { 0, 0.005, 0.0050001, 0.3, 0.3, 59, 61, 1e9 } do
    hear { type = "call", operation = "token", outcome = "answered", attempts = 1, elapsed = seconds }
  end
  local found = numbers(counted)
  local function below(bound) return found[('aicc_call_seconds_bucket{operation="token"}%s'):format(bound)] end
  assert.same({ 2, 3, 3, 5, 6, 8 }, {
    below(0.005), below(0.01), below(0.25), below(0.5), below(60.0) or below(60), below(math.huge),
  })
  for _, bound in ipairs(metrics.BUCKETS) do assert.truthy(below(bound) or below(("%g"):format(bound)), bound) end
  assert.equal("text/plain; version=0.0.4; charset=utf-8", metrics.CONTENT_TYPE)
  assert.equal(metrics.CONTENT_TYPE, counted.CONTENT_TYPE)
  assert.truthy(math.abs(found['aicc_call_seconds_sum{operation="token"}'] - 1000000120.6100001) < 1e-3)
end)

it("labels have a closed set of values, whatever an event says", function()
  local counted = metrics.new()
  local hear = counted:listener()
  local evil = 'x"} 1\n# TYPE y counter\ny{a="\\'
  hear { type = "call", operation = evil, outcome = evil, kind = evil, attempts = 1, elapsed = 0.1 }
  hear { type = "retry", operation = "token", kind = "of somebody's", wait = 1 }
  hear { type = evil }
  local found = numbers(counted)
  assert.equal(1, found['aicc_calls_total{kind="other",operation="other",outcome="other"}'])
  assert.equal(1, found['aicc_retries_total{kind="other",operation="token"}'])
  assert.is_nil(counted:text():find("somebody", 1, true))
end)

it("every kind of error and every operation is a label's value", function()
  local counted = metrics.new()
  local hear = counted:listener()
  for _, kind in ipairs(errors.KINDS) do
    for _, operation in ipairs(require("aicc.core").operations) do
      hear { type = "call", operation = operation, outcome = "unknown", kind = kind, attempts = 1, elapsed = 0 }
    end
  end
  local text = counted:text()
  assert.is_nil(text:find('="other"', 1, true))
  for _, kind in ipairs(errors.KINDS) do assert.truthy(text:find(('kind="%s"'):format(kind), 1, true), kind) end
end)

it("the text has no account, no secret, no message of anybody's, and no number in another country's spelling", function()
  local counted = metrics.new()
  local client = client_of(counted)
  local body = '{"resultCode":"9","resultMessage":"jane.doe is away"}'
  server:fault { operation = "release_agent_by_skill", status = 500, body = body }
  assert.equal("business", scene.nth(2, client:release_agent_by_skill(3, { "jane.doe" })).kind)
  local text = counted:text()
  for _, word in ipairs { "jane", "away", server.app_key, server.app_secret, assert(client:access_token()) } do
    assert.is_nil(text:find(word, 1, true), word)
  end
  assert.is_nil(text:find "%d,%d")
  client:close()
end)

it("a listener hands on what it hears, and counters of the caller's own stand beside", function()
  local counted = metrics.new {
    counters = {
      { name = "hook_answers_total", help = "Answers of the webhook.", label = "status", values = { "202", "502" } },
      { name = "hook_strikes_total", help = "Wrong secrets." },
    },
  }
  local heard = {}
  counted:listener(function(event) heard[#heard + 1] = event.type end) { type = "warning", message = "m" }
  counted:count("hook_answers_total", "202")
  counted:count("hook_answers_total", "202")
  counted:count("hook_answers_total", "999")
  counted:count "hook_strikes_total"
  local found = numbers(counted)
  assert.same({ "warning" }, heard)
  assert.same({ 2, 1, 1, 1 }, {
    found['hook_answers_total{status="202"}'], found['hook_answers_total{status="other"}'], found["hook_strikes_total"],
    found["aicc_warnings_total"],
  })
end)

it("what finds no room is told of once there is some", function()
  local full, values = true, {}
  local counted = metrics.new { shared = {
    incr = function(_, key, by)
      if full then return nil, "no memory" end
      values[key] = (values[key] or 0) + by
      return values[key]
    end,
    get = function(_, key) return values[key] end,
    get_keys = function()
      local keys = {}
      for key in pairs(values) do keys[#keys + 1] = key end
      return keys
    end,
  } }
  local hear = counted:listener()
  hear { type = "warning" }
  hear { type = "token", lifetime = 60 }
  full = false
  hear { type = "warning" }
  assert.same({ 2, 1 }, { numbers(counted)["aicc_metrics_lost_total"], numbers(counted)["aicc_warnings_total"] })
end)

it("the reader that these specs trust refuses what Prometheus would", function()
  local good = "# HELP a_total A.\n# TYPE a_total counter\na_total{x=\"1\"} 2\n"
  assert.same({ ['a_total{x="1"}'] = 2 }, (prometheus.read(good)))
  local head = "# HELP h H.\n# TYPE h histogram\n"
  for what, text in pairs {
    ["no newline"] = good:sub(1, -2), ["twice"] = good .. 'a_total{x="1"} 3\n', ["no type"] = 'b{x="1"} 3\n',
    ["a family in two pieces"] = good .. head:gsub("histogram", "gauge") .. "h 1\n" .. 'a_total{x="2"} 2\n',
    ["a counter's name"] = (good:gsub("_total", "")), ["an escape"] = (good:gsub('"1"', '"\\x"')),
    ["a quote"] = (good:gsub('"1"', '"a"b"')), ["a comma"] = (good:gsub('"1"', '"1",')),
    ["less than nothing"] = (good:gsub(" 2", " -2")), ["a number"] = (good:gsub(" 2\n", " 2,5\n")),
    ["a hole"] = head .. 'h_bucket{le="1"} 1\nh_sum 1\nh_count 1\n',
    ["buckets"] = head .. 'h_bucket{le="1"} 2\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n', ["an empty line"] = good .. "\n",
    ["a label twice"] = (good:gsub('x="1"', 'x="1",x="2"')), ["HELP twice"] = good .. good,
  } do
    assert.is_false(pcall(prometheus.read, text), what)
  end
end)

it("misuse raises, at the caller's line", function()
  for said, f in pairs {
    ["options: expected a table, got number"] = function() metrics.new(5) end,
    ["unknown option 'shard'"] = function() metrics.new { shard = {} } end,
    ["shared: expected a table, got string"] = function() metrics.new { shared = "metrics" } end,
    ["counters[1]: expected a table, got string"] = function() metrics.new { counters = { "x" } } end,
    ["counters[1]: name: expected letters"] = function() metrics.new { counters = { { name = "aicc_x", help = "x" } } } end,
    ["counters[1]: help: expected one line"] = function() metrics.new { counters = { { name = "x", help = "a\nb" } } } end,
    ["counters[1]: values: expected a list"] = function()
      metrics.new { counters = { { name = "x", help = "x", label = "l" } } }
    end,
    ["counters[1]: values: expected a list of what"] = function()
      metrics.new { counters = { { name = "x", help = "x", label = "l", values = { "a", nil, "b" } } } }
    end,
    ["counters[1]: values: expected a label"] = function()
      metrics.new { counters = { { name = "x", help = "x", values = { "a" } } } }
    end,
    ["counters[2]: name: 'x' is there already"] = function()
      metrics.new { counters = { { name = "x", help = "x" }, { name = "x", help = "y" } } }
    end,
    ["counters: expected a list of tables"] = function() metrics.new { counters = { name = "x", help = "x" } } end,
    ["metrics: unknown counter 'aicc_calls_total'"] = function() metrics.new():count "aicc_calls_total" end,
    ["also: expected a function, got table"] = function() metrics.new():listener {} end,
  } do
    local good, problem = pcall(f)
    assert.is_false(good)
    assert.truthy(problem:find("metrics_spec.lua:%d+: ") and problem:find(said, 1, true), problem)
  end
  assert.equal("aicc.metrics", tostring(metrics.new()))
  assert.is_false(aicc.is_error(nil))
end)
