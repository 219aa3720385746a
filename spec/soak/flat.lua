-- Whether what was measured again and again has stayed where it was.
--
-- The first quarter of the samples is the warm-up: caches fill, libraries keep what they will use again. The medians of the
-- second and the last quarter are compared, so that neither a busy moment nor the sample that happened to be last decides.

local flat = {}

local function median(values)
  table.sort(values)
  return values[math.ceil(#values / 2)]
end

local function quarter(samples, name, n)
  local values = {}
  for i = math.floor(#samples * (n - 1) / 4) + 1, math.floor(#samples * n / 4) do values[#values + 1] = samples[i][name] end
  return median(values)
end

--- How much a measure has grown since the warm-up, and where it was then.
-- @tparam {table,...} samples eight at least, of name -> number
-- @tparam string name
function flat.growth(samples, name)
  local before = quarter(samples, name, 2)
  return quarter(samples, name, 4) - before, before
end

--- What is not flat, as a line each: `allowed` has for each measure how much more is still the same. What is counted (0) must be
-- the same in every sample after the warm-up.
function flat.problems(samples, allowed)
  assert(#samples >= 8, "too few samples")
  local lines = {}
  for name, most in pairs(allowed) do
    local growth, before = flat.growth(samples, name)
    if most == 0 then
      for i = math.floor(#samples / 4) + 1, #samples do
        if samples[i][name] ~= before then
          lines[#lines + 1] = ("%s: %.0f in round %d, and %.0f before"):format(name, samples[i][name], i, before)
          break
        end
      end
    elseif growth > most then
      lines[#lines + 1] = ("%s: %.0f more than %.0f, allowed are %.0f"):format(name, growth, before, most)
    end
  end
  table.sort(lines)
  return lines
end

return flat
