--- Numbers for Prometheus, from a client's events.
--
--     local metrics = require("aicc.metrics").new()
--     local client = aicc.new { on_event = metrics:listener() }
--     ...
--     print(metrics:text())     -- in nginx and HAProxy: what /metrics answers, as metrics.CONTENT_TYPE
--
-- The numbers are kept where all who count them can get at them: in nginx in a shared dict (`shared = ngx.shared.metrics`), in
-- HAProxy in the process's memory (`shared = require("aicc.shared").new "metrics"`), in a script in a table. Labels have a closed
-- set of values (operations, outcomes, kinds of errors): no account, queue or text of anybody's is in them, and what is not
-- in the set is "other".
--
-- What is under way is a key of its own for each attempt, which ends by itself a little after the attempt must have ended: so a
-- worker that was killed, or a coroutine that its host dropped, is not counted for ever.
-- @module aicc.metrics

local core = require("aicc.native").load "aicc.core"
local errors = require "aicc.error"

local M = {}

--- What the text is, for the header Content-Type.
M.CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

local BUCKETS = { 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60 }

--- Seconds: the upper bounds of the histograms' buckets, an array; the last bucket has none.
M.BUCKETS = BUCKETS

local GRACE = 5 -- seconds after its time is over in which an attempt is still counted as under way

-- ---- labels: each has a closed set of values ----

local function set(names)
  local values = {}
  for _, name in ipairs(names) do values[name] = name end
  return values
end

local LABELS = {
  operation = set(core.operations),
  outcome = set { "answered", "applied", "applied_earlier", "not_sent", "rejected", "unknown" },
  kind = set(errors.KINDS),
  found = set { "done", "left", "unknown" },
}
LABELS.kind.none = "none"

-- The labels of what is under way, all of them: nothing is a number, too.
local OPERATIONS = {}
for i, name in ipairs(core.operations) do OPERATIONS[i] = ('operation="%s"'):format(name) end
table.sort(OPERATIONS)

-- ---- what is counted ----

-- name, kind, labels, and what it is. In this order they are shown.
local FAMILIES = {
  { "aicc_calls_total", "counter", { "operation", "outcome", "kind" }, "Calls of a client that have ended." },
  { "aicc_call_seconds", "histogram", { "operation" }, "What calls took, with tokens, waits and retries." },
  { "aicc_attempts_total", "counter", { "operation", "outcome", "kind" }, "Requests that were sent, or were to be." },
  { "aicc_attempt_seconds", "histogram", { "operation" }, "What single requests took." },
  { "aicc_in_flight", "gauge", { "operation" }, "Requests under way." },
  { "aicc_retries_total", "counter", { "operation", "kind" }, "Requests that are sent again after a failure." },
  { "aicc_throttles_total", "counter", { "operation" }, "Requests that are sent again after the API asked for fewer (429)." },
  { "aicc_settles_total", "counter", { "operation", "found" }, "Lost answers that a listing was asked about." },
  { "aicc_tokens_total", "counter", {}, "Tokens that were fetched." },
  { "aicc_warnings_total", "counter", {}, "What was odd and did no harm." },
  { "aicc_metrics_lost_total", "counter", {}, "Numbers that were not counted, for want of memory." },
}

-- ---- where a script keeps them: the methods of ngx.shared.DICT that are used here ----

local Memory = { __name = "aicc.metrics.memory" }
Memory.__index = Memory

function Memory:get(key) return self.values[key] end

function Memory:incr(key, by, first)
  local sum = (self.values[key] or first) + by
  self.values[key] = sum
  return sum
end

function Memory:set(key, value, seconds)
  self.values[key], self.ends[key] = value, core.now() + seconds
  return true
end

function Memory:delete(key) self.values[key], self.ends[key] = nil, nil end

function Memory:get_keys()
  local keys, now = {}, core.now()
  for key, ends in pairs(self.ends) do
    if ends <= now then self:delete(key) end
  end
  for key in pairs(self.values) do keys[#keys + 1] = key end
  return keys
end

-- ---- counting ----

local Metrics = { __name = "aicc.metrics", CONTENT_TYPE = M.CONTENT_TYPE }
Metrics.__index = Metrics

function Metrics.__tostring() return "aicc.metrics" end

-- Adds to a number. What finds no room is counted as lost, as soon as there is room for that.
local function add(self, key, by)
  if not self.shared:incr(key, by, 0) then
    self.lost = self.lost + 1
  elseif self.lost > 0 and self.shared:incr("aicc_metrics_lost_total", self.lost, 0) then
    self.lost = 0
  end
end

local function grow(kept, value)
  local deeper = {}
  kept[value] = deeper
  return deeper
end

-- Names a family's number by its labels' values.
local function name_number(kept, family, values)
  local words = {}
  for i, label in ipairs(family.labels) do words[i] = ('%s="%s"'):format(label, values[i]) end
  kept.key = #words == 0 and family.name or ("%s{%s}"):format(family.name, table.concat(words, ","))
end

-- What is known of a family's number with these labels: `key`, as Prometheus has it, `name{label="value",…}`; and what was made
-- of that. Each is kept, since few are in use.
local function number_of(family, one, two, three)
  local values, kept = family.values, family.kept
  if values[1] then
    one = values[1][one] or "other"
    kept = kept[one] or grow(kept, one)
    if values[2] then
      two = values[2][two] or "other"
      kept = kept[two] or grow(kept, two)
      if values[3] then
        three = values[3][three] or "other"
        kept = kept[three] or grow(kept, three)
      end
    end
  end
  if not kept.key then name_number(kept, family, { one, two, three }) end
  return kept
end

local function count(self, name, one, two, three) add(self, number_of(self.families[name], one, two, three).key, 1) end

-- Adds seconds to a histogram. Each bucket has what is in it and in no smaller one; `text` sums them up.
local function observe(self, name, seconds, operation)
  local kept = number_of(self.families[name], operation)
  local buckets, bounds, at = kept.buckets, BUCKETS, 1
  if not buckets then
    buckets = {}
    for i = 1, #bounds + 1 do buckets[i] = ("%s %d"):format(kept.key, i) end
    kept.buckets = buckets
  end
  while bounds[at] and seconds > bounds[at] do at = at + 1 end
  add(self, buckets[at], 1)
  add(self, kept.key, seconds)
end

-- The key of an attempt that is under way. Made where it is first needed: nginx's workers are copies of one process.
local function flight_of(self, event)
  local kept = number_of(self.families.aicc_in_flight, event.operation)
  if not kept.flight then
    self.own = self.own or ("%.17g"):format(core.random())
    kept.flight = ("%s %s "):format(kept.key, self.own)
  end
  return kept.flight .. event.id
end

local heard = {}

function heard.send(self, event)
  if not self.shared:set(flight_of(self, event), 1, event.timeout + GRACE) then self.lost = self.lost + 1 end
end

function heard.attempt(self, event)
  self.shared:delete(flight_of(self, event))
  count(self, "aicc_attempts_total", event.operation, event.outcome or "answered", event.kind or "none")
  observe(self, "aicc_attempt_seconds", event.elapsed, event.operation)
end

function heard.call(self, event)
  count(self, "aicc_calls_total", event.operation, event.outcome, event.kind or "none")
  observe(self, "aicc_call_seconds", event.elapsed, event.operation)
end

function heard.retry(self, event) count(self, "aicc_retries_total", event.operation, event.kind) end

function heard.throttle(self, event) count(self, "aicc_throttles_total", event.operation) end

function heard.token(self) count(self, "aicc_tokens_total") end

function heard.warning(self) count(self, "aicc_warnings_total") end

function heard.settle(self, event)
  count(self, "aicc_settles_total", event.operation, event.left == nil and "unknown" or event.left == 0 and "done" or "left")
end

--- What counts a client's events: give it to `aicc.new` as `on_event`. Several clients may have the same.
-- @tparam ?function also called with each event, after it was counted
-- @treturn function takes an event
function Metrics:listener(also)
  if also ~= nil and type(also) ~= "function" then error("also: expected a function, got " .. type(also), 2) end
  return function(event)
    local hear = heard[event.type]
    if hear then hear(self, event) end
    if also then also(event) end
  end
end

--- Counts one thing of the caller's own: a counter that `new` was told of.
-- @tparam string name its name
-- @tparam ?string value its label's value; one that `new` was not told of is "other"
function Metrics:count(name, value)
  local family = self.families[name]
  if not family or not family.is_own then error(("metrics: unknown counter '%s'"):format(tostring(name)), 2) end
  count(self, name, value)
end

-- ---- showing ----

-- A number as Prometheus reads it, in whatever language the program runs.
local function number(value)
  local text = value % 1 == 0 and ("%.0f"):format(value) or ("%.15g"):format(value)
  return (text:gsub(",", "."))
end

-- The lines of a histogram with these labels.
local function histogram(lines, family, labels, values)
  local before, sum = labels == "" and "" or labels .. ",", 0
  local key = labels == "" and family.name or ("%s{%s}"):format(family.name, labels)
  for i = 1, #BUCKETS + 1 do
    sum = sum + (values[("%s %d"):format(key, i)] or 0)
    local bound = BUCKETS[i] and number(BUCKETS[i]) or "+Inf"
    lines[#lines + 1] = ('%s_bucket{%sle="%s"} %s'):format(family.name, before, bound, number(sum))
  end
  local braces = labels == "" and "" or "{" .. labels .. "}"
  lines[#lines + 1] = ("%s_sum%s %s"):format(family.name, braces, number(values[key] or 0))
  lines[#lines + 1] = ("%s_count%s %s"):format(family.name, braces, number(sum))
end

-- What is kept: name -> labels -> true; and key -> value. Of a gauge's keys the value is how many there are.
local function gather(self)
  local found, values = {}, {}
  for _, key in ipairs(self.shared:get_keys(0)) do
    local name, rest = key:match "^([%w_]+)(.*)$"
    local family = name and self.families[name]
    local value = family and self.shared:get(key)
    if value then -- it may have ended just now
      local labels = rest:match "^{(.-)}" or ""
      local at = family.kind == "gauge" and ("%s{%s}"):format(name, labels) or key
      found[name] = found[name] or {}
      found[name][labels] = true
      values[at] = family.kind == "gauge" and (values[at] or 0) + 1 or value
    end
  end
  return found, values
end

--- All numbers, as the text that Prometheus reads (version 0.0.4).
-- @treturn string
function Metrics:text()
  local lines, found, values = {}, gather(self)
  for _, family in ipairs(self.families) do
    lines[#lines + 1] = ("# HELP %s %s"):format(family.name, family.help)
    lines[#lines + 1] = ("# TYPE %s %s"):format(family.name, family.kind)
    local all = {}
    for labels in pairs(found[family.name] or {}) do all[#all + 1] = labels end
    if family.kind == "gauge" then all = OPERATIONS end
    if #all == 0 and #family.labels == 0 then all[1] = "" end -- it is known to be 0
    table.sort(all)
    for _, labels in ipairs(all) do
      local key = labels == "" and family.name or ("%s{%s}"):format(family.name, labels)
      if family.kind == "histogram" then
        histogram(lines, family, labels, values)
      else
        lines[#lines + 1] = ("%s %s"):format(key, number(values[key] or 0))
      end
    end
  end
  return table.concat(lines, "\n") .. "\n"
end

-- ---- making one ----

local function is_list(value)
  if type(value) ~= "table" then return false end
  local size = 0
  for _ in pairs(value) do size = size + 1 end
  for i = 1, size do
    if value[i] == nil then return false end
  end
  return true
end

-- A counter of the caller's own; raises what is wrong with it, at the line of whoever called `new`.
local function own_counter(given, i)
  local function wrong(what) error(("counters[%d]: %s"):format(i, what), 4) end
  if type(given) ~= "table" then wrong("expected a table, got " .. type(given)) end
  for name in pairs(given) do
    if not ({ name = true, help = true, label = true, values = true })[name] then wrong("unknown field " .. tostring(name)) end
  end
  if type(given.name) ~= "string" or not given.name:find "^[%a_][%w_]*$" or given.name:find "^aicc_" then
    wrong "name: expected letters, digits and _, and not to begin with aicc_"
  end
  if type(given.help) ~= "string" or given.help:find "[\\%c]" then wrong "help: expected one line without a backslash" end
  if given.label == nil then
    if given.values ~= nil then wrong "values: expected a label, too" end
    return { given.name, "counter", {}, given.help, is_own = true }
  end
  if type(given.label) ~= "string" or not given.label:find "^[%a_][%w_]*$" or given.label:find "^__" then
    wrong "label: expected letters, digits and _"
  end
  if not is_list(given.values) then wrong "values: expected a list of what the label may be" end
  for _, value in ipairs(given.values) do
    if type(value) ~= "string" or not value:find "^[%w_.:/ -]+$" then wrong "values: expected plain words" end
  end
  return { given.name, "counter", { given.label }, given.help, values = set(given.values), is_own = true }
end

local OPTIONS = { shared = "table", counters = "table" }

--- Makes a set of numbers.
-- @tparam ?table options
-- @tparam ?table options.shared where they are kept: an `ngx.shared.DICT`, with nothing else in it, or a part of `aicc.shared`; a
--   table of this Lua state's own, if not given
-- @tparam ?table options.counters array of the caller's own: `name`, `help` (a line), and if it has a label `label` (its name)
--   and `values` (array of strings: all that it may be)
-- @treturn table
function M.new(options)
  if options ~= nil and type(options) ~= "table" then error("options: expected a table, got " .. type(options), 2) end
  options = options or {}
  for name, value in pairs(options) do
    if not OPTIONS[name] then error(("unknown option '%s'"):format(tostring(name)), 2) end
    if type(value) ~= "table" then error(("%s: expected a table, got %s"):format(name, type(value)), 2) end
  end
  local self = setmetatable({
    shared = options.shared or setmetatable({ values = {}, ends = {} }, Memory), families = {}, lost = 0,
  }, Metrics)
  local function declare(row)
    local family = { name = row[1], kind = row[2], labels = row[3], help = row[4], values = {}, kept = {}, is_own = row.is_own }
    for i, label in ipairs(family.labels) do family.values[i] = row.values or LABELS[label] end
    self.families[#self.families + 1], self.families[family.name] = family, family
  end
  for _, row in ipairs(FAMILIES) do declare(row) end
  if not is_list(options.counters or {}) then error("counters: expected a list of tables", 2) end
  for i, given in ipairs(options.counters or {}) do
    local row = own_counter(given, i)
    if self.families[row[1]] then error(("counters[%d]: name: '%s' is there already"):format(i, row[1]), 2) end
    declare(row)
  end
  return self
end

return M
