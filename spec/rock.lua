-- What `luarocks test` runs: the specs, on LuaRocks' own Lua; arguments are make's (FILTER='a Lua pattern').

local words = { "make", "test", "ABI=" .. _VERSION:match "%d%.%d", "LUA=" .. arg[-1] }
for _, argument in ipairs(arg) do words[#words + 1] = argument end
for n, word in ipairs(words) do words[n] = "'" .. word:gsub("'", "'\\''") .. "'" end
local done = os.execute(table.concat(words, " "))
os.exit(done == true or done == 0 and 0 or 1) -- 5.1 tells the status
