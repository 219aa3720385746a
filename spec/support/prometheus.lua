--- A strict reader of Prometheus' text format, version 0.0.4. What promtool would complain of it raises.

local prometheus = {}

local function read_value(text)
  local value = ({ ["+Inf"] = math.huge, ["-Inf"] = -math.huge, NaN = 0 / 0 })[text]
  if value then return value end
  assert(text:find "^[+-]?%d+%.?%d*[eE]?[+-]?%d*$", "no number: " .. text)
  return assert(tonumber(text), "no number: " .. text)
end

-- The labels between braces, in order: { { name, value }, … }. The only escapes are \\, \" and \n.
local function read_labels(text)
  local labels, seen, at = {}, {}, 1
  while at <= #text do
    local name, from = text:match('^([%a_][%w_]*)="()', at)
    assert(name and name:sub(1, 2) ~= "__" and not seen[name], "labels: " .. text)
    seen[name] = true
    local value = ""
    at = from
    while text:sub(at, at) ~= '"' do
      local part, rest = text:match('^([^\\"\n]+)()', at)
      if not part then
        local escape
        escape, rest = text:match('^\\(["\\n])()', at)
        assert(escape, "labels: " .. text)
        part = escape == "n" and "\n" or escape
      end
      value, at = value .. part, rest
    end
    labels[#labels + 1] = { name, value }
    at = at + 1
    if at <= #text then
      assert(text:sub(at, at) == "," and at < #text, "labels: " .. text)
      at = at + 1
    end
  end
  return labels
end

-- Buckets of one histogram: bounds go up, counts do not go down, the last is +Inf and is the count.
local function check_histogram(name, one)
  local before, bound = 0, -math.huge
  assert(#one.buckets > 0 and one.sum and one.count, name .. ": lacks buckets, _sum or _count")
  for _, bucket in ipairs(one.buckets) do
    assert(bucket.bound > bound and bucket.count >= before, name .. ": buckets out of order")
    bound, before = bucket.bound, bucket.count
  end
  assert(bound == math.huge and before == one.count, name .. ": +Inf is not the count")
end

--- Reads a text; raises what is wrong in it.
-- @return `name{label="value",…}` -> number, name -> { type=, help= }
function prometheus.read(text)
  assert(text:sub(-1) == "\n" and not text:find "[\r%z]" and not text:find "\n\n", "lines end with a newline, and none is empty")
  local samples, families, order, current = {}, {}, {}, nil
  for line in text:gmatch "([^\n]*)\n" do
    local what, name, rest = line:match "^# (%u+) ([%a_:][%w_:]*) (.+)$"
    if what == "HELP" then
      assert(not families[name], "HELP twice, or after samples: " .. name)
      assert(not rest:gsub("\\[\\n]", ""):find "\\", "HELP: a lone backslash")
      current = { name = name, help = rest, histograms = {} }
      families[name], order[#order + 1] = current, current
    elseif what == "TYPE" then
      assert(current and current.name == name and not current.type, "TYPE out of place: " .. name)
      assert(({ counter = true, gauge = true, histogram = true })[rest], "TYPE: " .. rest)
      assert(rest ~= "counter" or name:find "_total$", "a counter's name ends with _total: " .. name)
      current.type = rest
    else
      local sample, braces, value = line:match "^([%a_:][%w_:]*)(%b{}) (%S+)$"
      if not sample then
        sample, value = line:match "^([%a_:][%w_:]*) (%S+)$"
        braces = "{}"
      end
      assert(sample and current and current.type, "no sample: " .. line)
      local labels, number, bound = read_labels(braces:sub(2, -2)), read_value(value), nil
      local suffix = sample:sub(#current.name + 1)
      assert(sample:sub(1, #current.name) == current.name and
        (current.type == "histogram" and ({ _bucket = true, _sum = true, _count = true })[suffix] or suffix == ""),
        "not in its family: " .. line)
      assert(current.type == "gauge" or number >= 0, "less than nothing: " .. line)
      local words = {}
      for _, label in ipairs(labels) do
        if suffix == "_bucket" and label[1] == "le" then
          bound = read_value(label[2])
        else
          words[#words + 1] = ('%s="%s"'):format(label[1], label[2])
        end
      end
      table.sort(words)
      local key = table.concat(words, ",")
      local whole = sample .. (bound and ("{%s}%s"):format(key, bound) or key == "" and "" or "{" .. key .. "}")
      assert(samples[whole] == nil, "twice: " .. line)
      samples[whole] = number
      if current.type == "histogram" then
        local one = current.histograms[key] or { buckets = {} }
        current.histograms[key] = one
        if suffix == "_bucket" then
          one.buckets[#one.buckets + 1] = { bound = assert(bound, "a bucket without le: " .. line), count = number }
        else
          one[suffix:sub(2)] = number
        end
      end
    end
  end
  for _, family in ipairs(order) do
    assert(family.type, "no TYPE: " .. family.name)
    for _, one in pairs(family.histograms) do check_histogram(family.name, one) end
  end
  return samples, families
end

return prometheus
