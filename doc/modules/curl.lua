--- The C module with libcurl: what `aicc.core` has, and sessions. A session sends requests and knows neither tokens nor retries:
-- those are `aicc.client`'s.
-- @module aicc.curl

--- libcurl's version, and its TLS library's: `libcurl/7.88.1 OpenSSL/3.0.15`.
-- @field curl_version

--- Opens a session. A wrong type or an unknown option raises.
-- @function session
-- @tparam table options
-- @tparam string options.base_url where the API is
-- @tparam ?string options.token_url where tokens come from, if not from there
-- @tparam ?string options.app_key 6 bytes at least
-- @tparam ?string options.app_secret for a session that must not show it in errors; 6 bytes at least
-- @tparam ?string options.tenant_space_id
-- @tparam ?string options.user_agent
-- @tparam ?string options.ca_file certificates to trust, PEM
-- @tparam ?string options.ca_path a hashed directory of them
-- @tparam ?string options.proxy
-- @tparam[opt=true] boolean options.verify
-- @tparam[opt=15] number options.timeout seconds for a request
-- @tparam[opt=5] number options.connect_timeout seconds
-- @tparam[opt=8] integer options.max_in_flight requests at once; more wait for their turn
-- @tparam[opt=false] boolean options.facts whether results have timings and sizes beside them (doc/events.md)
-- @treturn ?table the session
-- @treturn ?table an error of kind "config"

--- A session.
-- @type Session

--- Fetches a token.
-- @function Session:token
-- @tparam table arguments `app_key`, `app_secret`, `expires` (seconds)
-- @tparam ?table limits `timeout`, `connect_timeout`, `deadline` (seconds), `fresh_connection` (boolean), `headers` (of the
--   caller's: name -> value; none that a request has itself)
-- @treturn ?table the reply
-- @treturn ?table the error
-- @treturn ?table facts

--- Releases agents.
-- @function Session:release_agent_by_skill
-- @tparam string token
-- @tparam table arguments `skillId`, `userAccounts` (array of strings, or `aicc.ALL`)
-- @tparam ?table limits
-- @treturn ?table the reply
-- @treturn ?table the error
-- @treturn ?table facts

--- Binds agents.
-- @function Session:bind_agents
-- @tparam string token
-- @tparam table arguments `skillId`, `userAccounts`, `agentWeight`, `skillWeight`
-- @tparam ?table limits
-- @treturn ?table the reply
-- @treturn ?table the error
-- @treturn ?table facts

--- One page of a queue's agents.
-- @function Session:query_agents
-- @tparam string token
-- @tparam table arguments `skillId`, `pageSize`, `pageNum`, `form` ("flat" or "wrapped")
-- @tparam ?table limits
-- @treturn ?table the reply
-- @treturn ?table the error
-- @treturn ?table facts

--- One agent, or what the API answers for it.
-- @function Session:query_agent
-- @tparam string token
-- @tparam table arguments `userAccount`, `form`
-- @tparam ?table limits
-- @treturn ?table the reply
-- @treturn ?table the error
-- @treturn ?table facts

--- One page of the queues.
-- @function Session:query_skills
-- @tparam string token
-- @tparam table arguments `name`, `skillIds`, `limit`, `offset`
-- @tparam ?table limits
-- @treturn ?table the reply
-- @treturn ?table the error
-- @treturn ?table facts

--- Starts a call, and does not wait for it.
-- @function Session:start
-- @tparam string operation
-- @tparam ?string token nil for the operation "token"
-- @tparam table arguments
-- @tparam ?table limits
-- @treturn ?integer a ticket
-- @treturn ?table the error

--- Lets calls proceed. Returns as soon as one has ended.
-- @function Session:step
-- @tparam[opt=0] number seconds at most
-- @treturn integer how many are still running
-- @treturn boolean whether Ctrl-C ended it

--- Waits until one of several sessions is to be stepped.
-- @function Session:wait
-- @tparam {Session,...} sessions
-- @tparam number seconds at most
-- @tparam ?table into a table that gets them, from 1 on; what stands behind them there is left alone
-- @treturn {Session,...} those that are to be stepped; or, with `into`, how many they are
-- @treturn boolean whether Ctrl-C ended it

--- As `step`, and then as `result` for all that have ended: for a loop with many calls under way.
-- @function Session:turn
-- @tparam number seconds at most
-- @tparam table into of each that has ended, in the order in which they did, four values from 1 on: ticket, result or nil, error
--   or nil, facts or false
-- @tparam[opt=0] integer behind with `waiting`: they stand behind so many
-- @tparam ?table waiting who waits for which ticket: comes in place of the ticket, and is taken out of the table. What nobody
--   waits for is dropped, and what is nil is false
-- @treturn integer how many have ended
-- @treturn integer how many are still running
-- @treturn boolean whether Ctrl-C ended it

--- What a call that has ended came to; nothing, where none has.
-- @function Session:result
-- @treturn ?integer its ticket
-- @treturn ?table the reply
-- @treturn ?table the error
-- @treturn ?table facts

--- Gives a call up. What was sent may have been done.
-- @function Session:cancel
-- @tparam integer ticket
-- @treturn boolean whether there was such a call

--- Ends the calls under way, and the connections.
-- @function Session:close

--- A descriptor that is readable when the session is to have a turn: for anybody's event loop. It is the session's.
-- @function Session:pollfd
-- @treturn ?integer
-- @treturn ?table the error

--- What to wait for at the descriptor.
-- @function Session:events
-- @treturn string "r"

--- Seconds until the session is to have a turn in any case. The descriptor tells that too.
-- @function Session:timeout
-- @treturn ?number nil where it need not

--- The same descriptor, by the name that LuaSocket has for it.
-- @function Session:getfd
-- @treturn ?integer
-- @treturn ?table the error

--- Whether something waits in a buffer, of which the descriptor would not tell.
-- @function Session:dirty
-- @treturn boolean false

--- Has the descriptor become readable then, too, once. Another alarm takes the place of the one before.
-- @function Session:alarm
-- @tparam number seconds
