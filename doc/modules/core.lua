--- The C module without libcurl: the API's requests and replies as text, and what Lua lacks. It does no I/O but for files, which
-- are this library's own business and not described here.
-- @module aicc.core

--- Everybody in a queue: the same as `aicc.ALL`.
-- @field ALL

--- The names of the API's operations, an array.
-- @field operations

--- The metatable of errors (`aicc.error`).
-- @field error_meta

--- For which Lua it was built.
-- @field build

--- The version.
-- @field _VERSION

--- Checks an operation's arguments and copies them. A wrong type raises.
-- @function check
-- @tparam string operation
-- @tparam table arguments with the API's names: `skillId`, `userAccounts`, …
-- @treturn ?table a copy that is known to be good, each account in it once
-- @treturn ?table an error of kind "argument" or "guard"

--- What a request is made of, for those who send it by their own means.
-- @function encode
-- @tparam string operation
-- @tparam table arguments
-- @tparam ?table who `token`, `app_key`, `tenant_space_id`, `user_agent`
-- @treturn ?table `path`, `headers` (name -> value), `body`
-- @treturn ?table an error

--- What a reply comes to.
-- @function decode
-- @tparam string operation
-- @tparam table reply `status`, `headers` (name -> value), `body`, and `truncated` if some of it is missing
-- @tparam ?table secrets `token`, `app_key`, `app_secret`: what no error must show
-- @treturn ?table the result, with the API's names
-- @treturn ?table an error

--- The time.
-- @function now
-- @tparam[opt="monotonic"] string clock "boottime" runs on while the machine sleeps, "realtime" is the time of day
-- @treturn number seconds

--- Waits.
-- @function sleep
-- @tparam number seconds
-- @treturn boolean false when Ctrl-C ended it

--- A random number, another one in every process.
-- @function random
-- @treturn number from 0 to below 1

--- A name for files and shared entries; not for secrets.
-- @function hash
-- @tparam string text
-- @treturn string 16 hex digits

--- A text as one line of UTF-8.
-- @function printable
-- @tparam string text
-- @tparam integer bytes at most so many, cut where a character ends
-- @treturn string

--- Compares two secrets, in a time that tells nothing of where they differ.
-- @function equal
-- @tparam string a
-- @tparam string b
-- @treturn boolean

--- Whether a file descriptor is a terminal's.
-- @function is_terminal
-- @tparam integer descriptor 1 for standard output
-- @treturn boolean
