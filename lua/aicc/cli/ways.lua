--- The library's messages in the command's words: what was typed is called as it was typed, and a hint is a command to type.
-- @module aicc.cli.ways

local M = {}

-- Arguments of a client's methods, as the command calls them. (Accounts are called so in both.)
local OPTIONS = {
  release_agent_by_skill = { skill_id = "--skill" },
  query_agents = { skill_id = "--skill" },
  bind_agents = { skill_id = "--skill", agent_weight = "--agent-weight", skill_weight = "--skill-weight" },
  query_skills = { name = "--name", ids = "--ids" },
}

-- What ends so may go on so.
local HINTS = {
  { "there is no job '[^']*'$", ": `aicc jobs` lists them" },
  { "no queue is called '[^']*'$", ": `aicc queues` lists them" },
}

--- A message of the library's.
-- @tparam string message
-- @treturn string
function M.text(message)
  for _, hint in ipairs(HINTS) do
    if message:find(hint[1]) then return message .. hint[2] end
  end
  return message
end

--- The message of an error of the library's.
-- @tparam table err
-- @treturn string
function M.message(err)
  local options = OPTIONS[err.operation]
  if options and err.kind == "argument" then return (err.message:gsub("^[%l_]+", options)) end
  return M.text(err.message)
end

return M
