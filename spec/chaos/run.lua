-- The chaos: jobs to which everything happens that may end a run, in SQLite and in PostgreSQL. After each run, and at the end,
-- store, report and server agree.
--
--     CHAOS=50 lua5.4 spec/chaos/run.lua                              so many rounds on each database
--     CHAOS_SEED=4711 CHAOS_STORE=sqlite lua5.4 spec/chaos/run.lua    the round of that number again
--
-- (make check-chaos.) A round's number is its seed: it says what happens; when it meets whom, the machine decides.

local core = require "aicc.core"
local round = require "spec.chaos.round"
local support = require "spec.support.jobs"

io.stdout:setvbuf "line"

local ROUNDS = tonumber(os.getenv "CHAOS") or 50
local SEED, ONLY = tonumber(os.getenv "CHAOS_SEED"), os.getenv "CHAOS_STORE"
local STORES = { "sqlite", "postgresql" }
if ONLY and ONLY ~= "" then STORES = { ONLY } end

local function list(counts)
  local words = {}
  for name, count in pairs(counts) do words[#words + 1] = ("%s %d of %d"):format(name, count.met, count.of) end
  table.sort(words)
  return table.concat(words, ", ")
end

-- Rounds in one place. Returns how many were wrong.
local function rounds_in(name, first, count)
  local place, counts, wrong, began = require("spec.chaos." .. name).start(), {}, 0, core.now()
  local server = support.sandbox { agents = {}, refuse_accounts = round.REFUSED }
  if not place.disk.is_small then print(name .. ": no small disk can be mounted here: " .. place.INSTEAD) end
  for seed = first, first + count - 1 do
    local ok, problem = round.perform(seed, place, server, counts)
    if not ok then
      wrong = wrong + 1
      print(("%s, round %d: %s\n  again: make check-chaos CHAOS_SEED=%d CHAOS_STORE=%s"):format(name, seed, problem, seed, name))
    end
  end
  place:stop()
  support.clean()
  print(("%s: rounds %d to %d in %.0f s, %d wrong; %s"):format(name, first, first + count - 1, core.now() - began, wrong,
    list(counts)))
  return wrong
end

local wrong = 0
for _, name in ipairs(STORES) do wrong = wrong + rounds_in(name, SEED or 1, SEED and 1 or ROUNDS) end
os.exit(wrong == 0 and 0 or 1)
