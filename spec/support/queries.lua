-- The queries in doc/jobs.md: indented, each after the question that it answers.

local queries = {}

--- All of them, in order: `question`, `sql`.
function queries.all()
  local file = assert(io.open "doc/jobs.md")
  local text = file:read("a"):match "\n## Questions\n(.*)"
  file:close()
  local list, question, sql = {}, nil, {}
  for line in (text .. "\n"):gmatch "([^\n]*)\n" do
    local code = line:match "^    (.*)"
    if code then
      sql[#sql + 1] = code
    elseif line ~= "" then
      question = line
    end
    if code and code:find ";%s*$" then
      list[#list + 1] = { question = question, sql = table.concat(sql, "\n"):gsub(";%s*$", "") }
      sql = {}
    end
  end
  return list
end

return queries
