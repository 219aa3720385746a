--- A database, through LuaDBI: SQLite or PostgreSQL, with one way to use both.
--
-- LuaDBI cuts integers to 32 bits, both ways, and writes 3.0 as "3.0". So every number is bound as a string of digits, and
-- whatever may pass 2^31 is selected as text: the SQL does that, `big` reads it. Transactions are begun and ended here, not by
-- LuaDBI.
--
-- LuaDBI hands SQLite pointers into Lua's own strings, and SQLite reads them whenever it steps: at each fetch too. So what a
-- statement is executed with is held here, beside the statement, until it is executed with something else or closed.
--
-- What fails raises an error of kind "store"; whoever is called from outside turns that into `nil, err` with
-- `aicc.error.protect`.
-- @module aicc.jobs.db.connection

local errors = require "aicc.error"

local GROUPS = { 50, 10, 1 } -- rows of one INSERT: as many as fit
local ROOM = 100 -- calls, one in the other

local Database = {}
Database.__index = Database

local M = {}

-- What the two say differently. place: a parameter by its number. insert: SQLite keeps a copy of each page that an INSERT of
-- several rows changes, in case one of them fails and the others are to be taken back, unless it is told that nobody will ask for
-- that: here whatever fails takes the whole transaction with it.
local DIALECTS = {
  sqlite = { name = "sqlite", begin = "BEGIN IMMEDIATE", place = "?%d", insert = "INSERT OR FAIL INTO" },
  postgresql = { name = "postgresql", begin = "BEGIN", place = "$%d", insert = "INSERT INTO" },
}

local unpack = table.unpack or unpack
local to_integer = math.tointeger -- luacheck: ignore (not in Lua 5.1)

--- The error of a store that failed.
-- @tparam string message
-- @treturn table
function M.failure(message)
  return errors.new { kind = "store", message = "job store: " .. message:gsub("%s+", " "):gsub(" $", "") }
end

--- A number that was selected as text.
-- @tparam string text
-- @treturn integer
function M.big(text)
  local number = tonumber(text)
  return to_integer and to_integer(number) or number
end

-- ---- statements ----

-- The digits of small numbers: most are numbers of jobs and queues, weights, states of a chunk.
local DIGITS = {}
for i = 0, 1023 do DIGITS[i] = ("%.0f"):format(i) end

-- A value as it is bound: digits for a number, never LuaDBI's own idea of them.
local function digits(value)
  if type(value) ~= "number" then return value end
  return DIGITS[value] or ("%.0f"):format(value)
end

-- What is bound, in the order of the question marks. `n`: how many.
local function to_bind(...)
  local values = { n = select("#", ...), ... }
  for i = 1, values.n do values[i] = digits(values[i]) end
  return values
end

-- What a protected call of LuaDBI's ended with. It raises some failures, as strings, and returns others: both are returned here.
-- What is raised through it goes on: Ctrl-C's "interrupted!", and that there is no memory left.
local function ended(ok, result, problem)
  if ok then return result, problem end
  if type(result) ~= "string" or result:find "interrupted!$" or result:find "not enough memory$" then error(result, 0) end
  return nil, result
end

local function call(object, method, ...) return ended(pcall(object[method], object, ...)) end

-- Closes a statement that has failed, or whose rows nobody wants any more. SQLite would tell its failure again when it is
-- executed next, whatever comes of that; and as long as it is open in the middle, that memory ran out is every other statement's
-- failure too. What cannot be closed for want of memory is closed before the next statement is looked for.
local function drop(self, statement)
  statement.has_failed = true
  if pcall(statement.handle.close, statement.handle) then
    self.statements[statement.sql] = nil
  else
    self.is_littered = true
  end
end

local function clear_away(self)
  for sql, statement in pairs(self.statements) do
    if statement.has_failed then
      statement.handle:close()
      self.statements[sql] = nil
    end
  end
  self.is_littered = false
end

-- Raises what went wrong. The transaction in which it did must not be committed.
local function give_up(self, problem, statement)
  if statement then drop(self, statement) end
  problem = tostring(problem)
  if self.path and problem:find("readonly database", 1, true) then
    problem = ("%s can be read, and not written (attempt to write a readonly database)"):format(self.path)
  end
  local err = M.failure(problem)
  self.failure = self.failure or err
  error(err, 0)
end

local function stepped(self, statement, ok, result, problem)
  if not ok then drop(self, statement) end -- what it raised may go on past all who would
  return ended(ok, result, problem)
end

-- Calls a method of a statement's; returns what it returned, or nil and what went wrong.
local function step(self, statement, method, ...)
  return stepped(self, statement, pcall(statement.handle[method], statement.handle, ...))
end

-- The prepared statement for this text, made once. With PostgreSQL what is wrong may show here already.
local function prepared(self, sql)
  if self.is_littered then clear_away(self) end
  local statement = self.statements[sql]
  if not statement then
    if not self.connection then error(errors.new { kind = "closed", message = "the job store is closed" }, 0) end
    local handle, problem = call(self.connection, "prepare", sql)
    if not handle then give_up(self, problem) end
    statement = { sql = sql, handle = handle, bound = false, has_failed = false }
    self.statements[sql] = statement
  end
  return statement
end

-- Executes a statement with what is bound. A local variable would not hold that: LuaJIT forgets those that are not used again.
local function execute_bound(self, sql, bound)
  local statement = prepared(self, sql)
  statement.bound = bound
  local ok, problem = step(self, statement, "execute", unpack(bound, 1, bound.n))
  if not ok then give_up(self, problem, statement) end
  return statement
end

local function execute(self, sql, ...) return execute_bound(self, sql, to_bind(...)) end

-- The next row of a statement, or nil: column -> value, or the values in the order of the columns.
local function fetch(self, statement, is_named)
  local row, problem = step(self, statement, "fetch", is_named)
  if problem then give_up(self, problem, statement) end
  return row
end

--- Runs a statement.
-- @tparam string sql
-- @param ... what its question marks stand for
-- @treturn integer how many rows it changed
function Database:run(sql, ...)
  local statement = execute(self, sql, ...)
  local changed, problem = step(self, statement, "affected")
  if problem then give_up(self, problem, statement) end
  return changed
end

local function fetch_all(self, statement)
  local rows = {}
  repeat
    local row = fetch(self, statement, true)
    rows[#rows + 1] = row
  until not row
  return rows
end

local function fetch_each(self, statement, f)
  while true do
    local values = fetch(self, statement, false)
    if not values then return end
    f(values)
  end
end

-- What a protected call returned that fetches a statement's rows; a statement that is left in the middle is closed.
local function fetched(self, statement, ok, result)
  if ok then return result end
  if not statement.has_failed then drop(self, statement) end
  error(result, 0)
end

--- All rows of a query: for those that are known to be few.
-- @tparam string sql
-- @param ... what its question marks stand for
-- @treturn {table,...}
function Database:rows(sql, ...)
  local statement = execute(self, sql, ...)
  return fetched(self, statement, pcall(fetch_all, self, statement))
end

--- Calls a function for each row of a query, which none of them has to stay in memory for. It may not ask the database.
-- @tparam function f takes a row's values as an array, in the order of the columns
-- @tparam string sql
-- @param ... what its question marks stand for
function Database:each(f, sql, ...)
  local statement = execute(self, sql, ...)
  fetched(self, statement, pcall(fetch_each, self, statement, f))
end

--- The first row of a query. The others are fetched too: SQLite keeps a read open until the last one.
-- @tparam string sql
-- @param ... what its question marks stand for
-- @treturn ?table column -> value
function Database:row(sql, ...) return self:rows(sql, ...)[1] end

-- An INSERT of so many rows. The values that all of them have come first, and are bound once.
local function insertion(dialect, target, shared, width, count)
  local groups, at = {}, shared
  for row = 1, count do
    local places = {}
    for i = 1, shared do places[i] = dialect.place:format(i) end
    for i = 1, width do places[shared + i] = dialect.place:format(at + i) end
    groups[row], at = "(" .. table.concat(places, ", ") .. ")", at + width
  end
  return ("%s %s VALUES %s"):format(dialect.insert, target, table.concat(groups, ", "))
end

-- Such INSERTs for each of GROUPS, made once.
local function insertions(self, target, shared, width)
  local texts = self.insertions[target]
  if not texts then
    texts = {}
    for i, count in ipairs(GROUPS) do texts[i] = insertion(self.dialect, target, shared, width, count) end
    self.insertions[target] = texts
  end
  return texts
end

--- Inserts many rows, fifty in a statement. For a transaction: where one row fails, those before it are there.
-- @tparam string target a table and its columns, `t (a, b, c)`: first those in which all rows are the same
-- @tparam integer width how many columns come behind those
-- @tparam table values of all rows in those, one after the other; none is nil
-- @param ... what all rows have in the first columns
function Database:insert(target, width, values, ...)
  local shared, at, last = select("#", ...), 1, #values
  local texts = insertions(self, target, shared, width)
  for i, count in ipairs(GROUPS) do
    local size = count * width
    while at + size - 1 <= last do
      local bound = to_bind(...)
      for n = 1, size do bound[shared + n] = digits(values[at + n - 1]) end
      bound.n = shared + size
      execute_bound(self, texts[i], bound)
      at = at + size
    end
  end
end

-- Ends a transaction without what it wrote. Its statement is there already and it binds nothing, so that it can be done where
-- there is no memory: else the store would stay locked for everybody. What cannot be ended now is ended by the next transaction.
local function roll_back(self)
  local statement = prepared(self, "ROLLBACK")
  local ok, problem = step(self, statement, "execute")
  if not ok then give_up(self, problem, statement) end
end

-- Has Lua make room for calls as deep as ending a transaction takes: for want of that room it could not be ended. (Of what is
-- left over Lua 5.4 gives up half at each error that is caught.)
local function make_room(calls)
  if calls == 0 then return pcall(type, calls) end
  local made = make_room(calls - 1) -- no tail call
  return made
end

-- Ends a transaction: with what `pcall` returned of its function.
local function conclude(self, ok, ...)
  local problem
  -- PostgreSQL would answer a COMMIT of what has failed with success, and a rollback.
  if ok then problem = self.failure else problem = ... end
  if ok and not problem then
    ok, problem = pcall(execute, self, "COMMIT")
    if ok then
      self.is_open = false
      return ...
    end
  end
  error(problem, 0)
end

local function begin(self, f, ...)
  execute(self, self.dialect.begin)
  return conclude(self, pcall(f, ...))
end

-- What a transaction came to, which is rolled back unless it was committed. (To call a function may take memory, a protected one
-- too: so whatever raises while one is open is caught here.)
local function settle(self, ok, ...)
  if ok then return ... end
  local is_over, why = pcall(roll_back, self)
  -- The database may have ended it by itself, and says so; but for want of memory it has not.
  self.is_open = not is_over and not errors.is_error(why)
  error((...), 0)
end

--- Runs a function as one transaction: all that it wrote is committed, or nothing if it raises, if any statement failed (whatever
-- f made of that), or if the commit fails. It may not yield.
-- @tparam function f
-- @param ... its arguments
-- @return what f returned
function Database:transaction(f, ...)
  prepared(self, "ROLLBACK")
  make_room(ROOM)
  if self.is_open then
    pcall(roll_back, self) -- where that cannot be done, neither can the next
    self.is_open = false
  end
  self.is_open, self.failure = true, false
  return settle(self, pcall(begin, self, f, ...))
end

--- Lets the server end this session once it has done nothing inside a transaction for so long. A process that is stopped there
-- (or whose host is gone) would keep its locks for ever, and all others waiting. SQLite's locks end with the process, and a
-- stopped one makes the others fail after their busy timeout.
-- @tparam number seconds
function Database:limit_idleness(seconds)
  if self.dialect.name ~= "postgresql" then return end
  self:run(("SET idle_in_transaction_session_timeout = %.0f"):format(seconds * 1000))
end

--- Closes the prepared statements; they are prepared anew when they are needed.
function Database:forget_statements()
  for _, statement in pairs(self.statements) do statement.handle:close() end
  self.statements = {}
end

--- Closes the connection.
function Database:close()
  if not self.connection then return end
  self:forget_statements()
  self.connection:close()
  self.connection = nil
end

--- A database of a connection of LuaDBI's.
-- @tparam userdata connection
-- @tparam string dialect "sqlite" or "postgresql"
-- @treturn table
function M.new(connection, dialect)
  connection:autocommit(true) -- ends the transaction that a new connection is in; what it returns says nothing
  return setmetatable({
    connection = connection, dialect = DIALECTS[dialect], statements = {}, insertions = {}, is_open = false,
    is_littered = false, failure = false,
  }, Database)
end

return M
