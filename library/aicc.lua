---@meta aicc
-- Types of aicc for editors: LuaCATS annotations, as lua-language-server reads them. No code; spec/types_spec.lua compares it with
-- what there is. The stubs in aicc/ beside it give the other modules their types, for a file of types can stand for one only.
--
-- In an editor: `"workspace.library": [ "/usr/local/share/lua/5.4/aicc/library" ]`, or wherever this is installed.

-- ---- errors ----

---What went wrong (doc/errors.md).
---@alias aicc.Kind
---| "guard"          # no accounts, or a job beyond its blast radius
---| "argument"       # right type, wrong content
---| "config"         # an option is missing or wrong
---| "auth"           # 401
---| "forbidden"      # 403 with JSON
---| "blocked"        # 403 without, or 418: a firewall
---| "bad_request"    # 400
---| "not_found"      # 404
---| "redirect"       # 3xx, which is never followed
---| "too_large"      # 413, or a reply over 1 MiB
---| "business"       # resultCode other than 0
---| "unknown_agent"  # the API knows no agent of that account
---| "throttled"      # 429
---| "server"         # 5xx
---| "http"           # any other status
---| "timeout"        # no connection, or no answer in time
---| "network"        # no name, no connection, or broken before an answer
---| "tls"            # the handshake failed, or the certificate is not trusted
---| "protocol"       # cut short, or 200 without a usable body
---| "deadline"       # no time left
---| "aborted"        # Ctrl-C
---| "closed"         # used after close
---| "unsupported"    # not possible in this host or phase
---| "store"          # a token store that is not to be trusted, a job store that fails

---What the server may have done.
---@alias aicc.Outcome
---| "not_sent"  # nothing was sent, or nothing arrived
---| "rejected"  # the server refused it
---| "unknown"   # it may have been done

---The operations of the API.
---@alias aicc.Operation
---| "token"
---| "release_agent_by_skill"
---| "bind_agents"
---| "query_agents"
---| "query_agent"
---| "query_skills"

---An error. `tostring` makes it a line.
---@class aicc.Error
---@field kind aicc.Kind
---@field outcome aicc.Outcome what the server may have done
---@field message string one line for people
---@field retryable boolean whether trying again later may help
---@field operation? string
---@field status? integer HTTP's
---@field result_code? string the API's resultCode
---@field result_message? string the API's resultMessage
---@field body? string of the reply, 512 bytes at most
---@field truncated? boolean the reply was cut short
---@field curl_code? integer libcurl's number
---@field retry_after? number seconds, if the server asked to wait
---@field attempts? integer requests that were sent
---@field elapsed? number seconds
---@field skill_id? integer the queue
---@field accounts? integer how many
---@field still_bound? string[] who was still bound when last asked
---@field known_as? string the account as the API spells it
---@field lines? table[] of a plan: its bad lines
---@field traceback? string of the function in aicc.loop that raised it
---@operator concat(any): string

-- ---- what calls return ----

---What makes everybody of an empty list: there is one value of this type, `aicc.ALL`.
---@class aicc.All: userdata

---What a release or bind came to. `tostring` makes it "applied: 2 agents from queue 3".
---@class aicc.Result
---@field outcome "applied"|"applied_earlier" the latter: by an attempt whose answer was lost
---@field operation "release_agent_by_skill"|"bind_agents"
---@field skill_id integer the queue
---@field accounts? integer how many; nil for aicc.ALL
---@field attempts integer requests that were sent
---@field elapsed number seconds
---@field resultCode? string as the API sent it
---@field resultMessage? string as the API sent it
---@field result_code? string the same, by the name that errors have
---@field result_message? string the same, by the name that errors have

---An agent of a queue's listing.
---@class aicc.Agent
---@field userAccount? string the account
---@field accountName? string
---@field sipAccount? string
---@field workNo? integer
---@field agentType? integer 4 audio, 5 multimedia, 11 video, 99 versatile, 255 idle
---@field agentWeight? integer
---@field skillWeight? integer

---What is known of a listing.
---@class aicc.Listing
---@field is_proof boolean who is not on it is not bound
---@field agreed boolean two readings in a row had the same agents
---@field size integer how many they are

---A queue of an agent's.
---@class aicc.AgentSkill
---@field skillId integer
---@field agentWeight? integer
---@field skillWeight? integer

---An agent and their queues.
---@class aicc.Person
---@field userAccount string in the API's own spelling
---@field userName? string
---@field agentType? integer
---@field workNo? integer
---@field skills? aicc.AgentSkill[] nil where the API does not say

---A queue with its name.
---@class aicc.Queue
---@field skillId integer
---@field name? string
---@field mediaTypeId? integer
---@field description? string

---What came of one queue of an agent's.
---@class aicc.OffboardedQueue
---@field skillId integer
---@field agentWeight? integer
---@field skillWeight? integer
---@field outcome "released"|"kept"|"failed"|"unknown"|"not_sent"|"bound"
---@field how? "applied"|"applied_earlier"|"already"
---@field err? aicc.Error

---What came of an agent's queues, one by one.
---@class aicc.Offboarding
---@field operation "release_agent"|"restore_agent"
---@field userAccount string
---@field userName? string
---@field queues aicc.OffboardedQueue[]
---@field complete boolean nothing is left to do
---@field attempts integer
---@field elapsed? number seconds

---A setting, as `client:explain` tells it. Secrets are "***".
---@class aicc.Setting
---@field name string
---@field value any
---@field source string "argument", "environment …", "file …" or "default"

-- ---- options ----

---Whether and when to try again.
---@class aicc.RetryOptions
---@field attempts? integer requests that one call may send; 4
---@field base? number seconds; the first wait is at most that; 0.2
---@field throttle_base? number seconds; the same after a 429; 1
---@field cap? number seconds; no wait that we choose is longer; 20
---@field max_retry_after? number seconds; a longer Retry-After is returned to the caller; 60
---@field budget? number tokens of the client's retry budget; 100; not for a single call

---Options of aicc.new. What is not given comes from the environment, then from a file, then from defaults.
---@class aicc.Options
---@field base_url? string where the API is; AICC_BASE_URL
---@field token_url? string where tokens come from, if not from base_url; AICC_TOKEN_URL
---@field app_key? string AICC_APP_KEY, AICC_APP_KEY_FILE
---@field app_secret? string AICC_APP_SECRET, AICC_APP_SECRET_FILE
---@field tenant_space_id? string sent as X-TenantSpaceID; AICC_TENANT_SPACE_ID
---@field ca_file? string certificates to trust, PEM; AICC_CA_FILE
---@field ca_path? string a hashed directory of them; AICC_CA_PATH
---@field verify? boolean false is allowed for a loopback address only; true
---@field proxy? string "" for none; AICC_PROXY
---@field user_agent? string
---@field timeout? number seconds for an attempt; 15; AICC_TIMEOUT
---@field connect_timeout? number seconds; 5; AICC_CONNECT_TIMEOUT
---@field deadline? number seconds for a whole call; 60; AICC_DEADLINE
---@field retry? aicc.RetryOptions|false false for a single attempt
---@field token_lifetime? integer seconds that are asked for, 60 to 3600; 3600
---@field max_in_flight? integer requests at once; 8; AICC_MAX_IN_FLIGHT
---@field query_form? "auto"|"flat"|"wrapped" how queues are asked for; "auto"; AICC_QUERY_FORM
---@field store? "memory"|"file"|"shdict"|aicc.TokenStore where tokens are kept; "memory"
---@field transport? "curl"|"nginx"|"haproxy"|"cqueues"|"luv"|"copas"|aicc.Transport what sends
---@field egress? string in nginx and HAProxy: "unix:" and the path of the way out; AICC_EGRESS
---@field token_egress? string the same for tokens; AICC_TOKEN_EGRESS
---@field forward_headers? string names of headers that a call may give the API; AICC_FORWARD_HEADERS
---@field allow_blocking? boolean let libcurl hold up all other requests of nginx or HAProxy; false
---@field on_event? fun(event: aicc.Event) called for what happens (doc/events.md)
---@field clock? fun(): number seconds; for specs
---@field sleep? fun(seconds: number): boolean for specs
---@field random? fun(): number 0..1; for specs

---What bounds a client's calls.
---@class aicc.Limits
---@field timeout number seconds an attempt
---@field deadline number seconds a call, all in all
---@field max_in_flight integer requests at once
---@field retry aicc.RetryOptions with all of its fields

---Options of every call.
---@class aicc.CallOptions
---@field timeout? number seconds for an attempt
---@field deadline? number seconds in all
---@field retry? aicc.RetryOptions|false
---@field headers? table<string, string> of those that forward_headers lists

---@class aicc.BindOptions: aicc.CallOptions
---@field agent_weight? integer 1
---@field skill_weight? integer 1

---@class aicc.QueryOptions: aicc.CallOptions
---@field as_proof? boolean|fun(agents: aicc.Agent[], agreed: boolean, size: integer): boolean if you conclude something from an absence
---@field weights? boolean account -> weights in place of the agents, for queues of very many

---@class aicc.OffboardOptions: aicc.CallOptions
---@field except? integer[] queues in which the agent stays
---@field before? fun(result: aicc.Offboarding): boolean? called before anything is sent; false: nothing is

---@class aicc.SkillFilter
---@field name? string at most 100 bytes
---@field ids? integer[]

-- ---- events ----

---A request is about to be sent.
---@class aicc.SendEvent
---@field type "send"
---@field operation aicc.Operation
---@field id integer its attempt event has the same
---@field timeout number seconds that it may take

---A request has ended. After a success there is no `kind`.
---@class aicc.AttemptEvent
---@field type "attempt"
---@field operation aicc.Operation
---@field id integer
---@field elapsed number seconds
---@field status? integer
---@field kind? aicc.Kind
---@field outcome? aicc.Outcome
---@field curl_code? integer
---@field message? string
---@field timing? aicc.Timing through libcurl

---A request failed and is sent again; "throttle" after a 429.
---@class aicc.RetryEvent
---@field type "retry"|"throttle"
---@field operation aicc.Operation
---@field kind aicc.Kind
---@field wait number seconds

---An answer was lost, and the queue was asked what became of the request.
---@class aicc.SettleEvent
---@field type "settle"
---@field operation aicc.Operation
---@field left? integer for how many accounts it is not done
---@field kind? aicc.Kind why that cannot be told

---@class aicc.TokenEvent
---@field type "token"
---@field lifetime number seconds

---@class aicc.WarningEvent
---@field type "warning"
---@field message string

---A call of the client has ended.
---@class aicc.CallEvent
---@field type "call"
---@field operation aicc.Operation
---@field outcome "applied"|"applied_earlier"|"answered"|aicc.Outcome
---@field kind? aicc.Kind where it failed
---@field attempts integer
---@field elapsed number seconds

---@alias aicc.Event
---| aicc.SendEvent
---| aicc.AttemptEvent
---| aicc.RetryEvent
---| aicc.SettleEvent
---| aicc.TokenEvent
---| aicc.WarningEvent
---| aicc.CallEvent

---What libcurl tells of a request: seconds since its beginning, and sizes.
---@class aicc.Timing
---@field name_lookup number
---@field connect number
---@field tls number
---@field request number until it was written
---@field first_byte number
---@field elapsed number with the time that it waited for its turn
---@field bytes_sent integer of the body
---@field bytes_received integer of the body
---@field reused boolean whether its connection was open before

-- ---- a client ----

---A client: the API's operations as methods.
---@class aicc.Client
---@field store aicc.TokenStore where its tokens are kept
---@field transport aicc.Transport what sends
---@field hook_errors integer how often on_event raised
---@field closed? boolean
local Client = {}

---Unbinds agents from a skill queue. An empty list is an error and sends nothing; everybody is `aicc.ALL`.
---@param skill_id integer
---@param accounts string[]|aicc.All
---@param options? aicc.CallOptions
---@return aicc.Result? result
---@return aicc.Error? err
function Client:release_agent_by_skill(skill_id, accounts, options) end

---Binds agents to a skill queue, or changes their weights.
---@param skill_id integer
---@param accounts string[] at most 50
---@param options? aicc.BindOptions
---@return aicc.Result? result
---@return aicc.Error? err
function Client:bind_agents(skill_id, accounts, options) end

---Every agent of a skill queue.
---@param skill_id integer
---@param options? aicc.QueryOptions
---@return aicc.Agent[]? agents
---@return aicc.Error? err
---@return aicc.Listing? known
function Client:query_agents(skill_id, options) end

---The agents of a skill queue one by one. What goes wrong comes as `false, err`, last.
---@param skill_id integer
---@param options? aicc.CallOptions
---@return fun(): (aicc.Agent|false|nil), aicc.Error? iterator
function Client:each_agent(skill_id, options) end

---In which queues an agent is.
---@param account string
---@param options? aicc.CallOptions
---@return aicc.Person? agent
---@return aicc.Error? err
function Client:query_agent(account, options) end

---The tenant's queues, with their names.
---@param filter? aicc.SkillFilter
---@param options? aicc.CallOptions
---@return aicc.Queue[]? queues
---@return aicc.Error? err
function Client:query_skills(filter, options) end

---The same one by one.
---@param filter? aicc.SkillFilter
---@param options? aicc.CallOptions
---@return fun(): (aicc.Queue|false|nil), aicc.Error? iterator
function Client:each_skill(filter, options) end

---Unbinds one agent from all of their queues.
---@param account string
---@param options? aicc.OffboardOptions
---@return aicc.Offboarding? result
---@return aicc.Error? err
function Client:release_agent(account, options) end

---Binds an agent again as before `release_agent`.
---@param result aicc.Offboarding|table as it was kept in a file, say
---@param options? aicc.CallOptions
---@return aicc.Offboarding? result
---@return aicc.Error? err
function Client:restore_agent(result, options) end

---The current token, fetched if need be.
---@return string? token
---@return aicc.Error? err
function Client:access_token() end

---Each setting and where it came from, secrets masked.
---@return aicc.Setting[]
function Client:explain() end

---@return aicc.Limits
function Client:limits() end

---The same client through another transport.
---@param decorate fun(transport: aicc.Transport): aicc.Transport
---@return aicc.Client
function Client:through(decorate) end

---Closes the connections.
function Client:close() end

-- ---- what a client is made of ----

---Where tokens are kept.
---@class aicc.TokenStore
local TokenStore = {}

---@param key string
---@param afresh? boolean not from a copy in memory
---@return table? entry
---@return aicc.Error? err
function TokenStore:get(key, afresh) end

---@param key string
---@param entry? table nil to forget the one that is there
---@return boolean? kept
---@return string? problem
function TokenStore:set(key, entry) end

---@param key string
---@param seconds number after which the lock ends by itself
---@return boolean
function TokenStore:lock(key, seconds) end

---@param key string
function TokenStore:unlock(key) end

---One attempt of an operation, for a transport.
---@class aicc.Request
---@field operation aicc.Operation
---@field arguments table of the API's fields, or prepared
---@field headers? table<string, string> of the caller's

---What sends a client's requests, and waits.
---@class aicc.Transport
---@field forwards? boolean whether it sends a request's headers
---@field serves_strangers? boolean whether its callers are others' requests
local Transport = {}

---@param request aicc.Request
---@param token? string nil for the operation "token"
---@param timeout number seconds that it may take
---@param deadline number seconds after which it may not begin any more
---@return table? reply
---@return aicc.Error? err
---@return aicc.Timing? timing
function Transport:attempt(request, token, timeout, deadline) end

---@param seconds number
---@return boolean uninterrupted
function Transport:sleep(seconds) end

---@return boolean whether others go on while the caller waits
function Transport:yields() end

---@param thread thread
---@return boolean whether a coroutine that waits here will ever go on
function Transport:is_alive(thread) end

function Transport:close() end

-- ---- aicc.loop ----

---Many calls at once: a small cooperative scheduler.
---@class aicc.loop
local loop = {}

---Runs a function in the loop, beside the others.
---@param f fun(...)
---@param ... any its arguments
function loop.spawn(f, ...) end

---Runs until every spawned function has ended.
function loop.run() end

---Spawns f(1, ...) to f(count, ...) and runs the loop; where they cannot all be spawned, none of them begins.
---@param count integer
---@param f function
---@param ... any
function loop.run_several(count, f, ...) end

---Waits inside a spawned function while the others go on.
---@param seconds number
---@return boolean
function loop.sleep(seconds) end

---Whether the caller is a function that was spawned.
---@return boolean
function loop.is_inside() end

---Whether `run` is running, whoever asks.
---@return boolean
function loop.is_running() end

---Whether a coroutine was spawned and has neither ended nor been given up.
---@param thread thread
---@return boolean
function loop.is_task(thread) end

---Waits inside a spawned function for a call that was started on a session.
---@param session aicc.Session
---@param ticket integer
---@return table? result
---@return aicc.Error? err
---@return aicc.Timing? facts
function loop.await(session, ticket) end

-- ---- aicc.jobs ----

---@alias aicc.JobReader fun(): integer?, integer?, string?
---@alias aicc.AccountReader fun(): integer?, string?, string?

---@class aicc.PlanOptions
---@field client aicc.Client
---@field name? string "job-" and the time
---@field chunk? integer accounts in a request; 50
---@field rate? number requests a second; 0 for no limit; 5
---@field concurrency? integer queues listed at once; 4
---@field on_bad_line? fun(line: integer, problem: string)
---@field on_progress? fun(state: { listed: integer, queues: integer })
---@field on_note? fun(note: aicc.JobNote)
---@field interrupted? fun(): boolean true when it is to be given up

---@class aicc.PlanAgentsOptions: aicc.PlanOptions
---@field sweep? boolean list every queue, instead of asking for each account; false
---@field ask? boolean ask for each account although sweep is given; false

---@class aicc.RunOptions
---@field client aicc.Client
---@field force? boolean beyond the blast radius too
---@field rate? number requests a second; 0 for no limit; 5
---@field concurrency? integer queues at once; 4
---@field on_progress? fun(counts: { total: integer, done: integer, failed: integer, unknown: integer })
---@field on_note? fun(note: aicc.JobNote)
---@field interrupted? fun(): boolean true when it is to end between two commits
---@field lease? number seconds for which a worker has a queue to itself
---@field listed_within? number queues that this process listed for the plan at most so many seconds ago are not listed again

---@class aicc.ReportOptions
---@field failed? boolean only rows that are failed, unknown or pending
---@field unrestored? boolean only rows that an undo could not bring back, or may not have

---@class aicc.WriteReportOptions
---@field format? "csv"|"jsonl"|"html"|"markdown"
---@field failed? boolean only rows that are failed, unknown, pending or no_agent; sums are those of all rows

---What is worth a line.
---@class aicc.JobNote
---@field type "difference"|"queue_stopped"|"throttled"|"no_names"|"ways_differ"
---@field skill_id? integer
---@field user_account? string
---@field is_named? boolean the API names the queue, and its listing does not show the account; or the other way round
---@field gained? integer
---@field lost? integer
---@field message? string
---@field seconds? number
---@field rate? number

---@class aicc.JobSummary
---@field job string
---@field action "release"|"bind"
---@field state string
---@field lines integer
---@field counts table<aicc.RowStatus, integer>
---@field undo table<string, integer>
---@field stopped? aicc.Error what ended it
---@field troubles aicc.Error[] of queues that were left alone
---@field requests integer
---@field commits integer

---@class aicc.JobStatus
---@field name string
---@field state string
---@field lines integer
---@field counts table<aicc.RowStatus, integer>
---@field undo table<string, integer>
---@field worker? string who works on it
---@field agents? table<string, integer> of a job that is made from accounts
---@field created_at string
---@field started_at? string
---@field finished_at? string

---How far a queue of a job is, in agents.
---@class aicc.QueueProgress
---@field skill_id integer
---@field skill_name? string what the API calls it
---@field state string "planned", "open", "done" or "stopped"
---@field at_work boolean whether somebody works on it
---@field message? string why it was left alone
---@field size? integer agents in the queue when it was listed last
---@field agents integer that the run is about
---@field done integer
---@field failed integer
---@field unknown integer
---@field left integer
---@field requests integer that it takes at least until nothing is left

---How far a job is, in agents.
---@class aicc.JobProgress
---@field name string
---@field state string
---@field action "release"|"bind"
---@field worker? string who works on it
---@field rate? number requests a second that were set for the last run; 0 for no limit
---@field pause? number seconds for which all of its requests wait
---@field slowed? number requests a second after that
---@field agents integer that the run is about
---@field done integer
---@field failed integer
---@field unknown integer
---@field left integer
---@field requests integer that it takes at least until nothing is left
---@field queues aicc.QueueProgress[]

---A job, as `store:list` tells of it.
---@class aicc.JobListed
---@field name string
---@field state string
---@field source string what it is made from: "rows" or "agents"
---@field lines integer
---@field created_at string
---@field started_at? string
---@field finished_at? string

---@class aicc.JobQueue
---@field skill_id integer
---@field skill_name? string
---@field accounts integer different ones
---@field bound integer
---@field not_bound integer
---@field unseen integer
---@field size? integer of the queue, where it was listed
---@field left? integer afterwards
---@field emptied boolean
---@field about integer agents that a run would change
---@field state string
---@field message? string

---@alias aicc.RowStatus "planned"|"pending"|"released"|"bound_again"|"not_bound"|"failed"|"unknown"|"no_agent"|"no_queue"

---A row of a report.
---@class aicc.JobRow
---@field line integer
---@field skill_id? integer nil for an account without a queue
---@field skill_name? string
---@field user_account string
---@field status aicc.RowStatus
---@field code? string
---@field message? string
---@field attempts? integer
---@field finished_at? string
---@field undo? "restored"|"skipped"|"failed"|"unknown"|"pending"

---A job.
---@class aicc.Job
---@field name string
---@field requests? integer that its plan took
local Job = {}

---Releases the job's rows.
---@param options aicc.RunOptions
---@return aicc.JobSummary? summary
---@return aicc.Error? err
function Job:apply(options) end

---Goes on with what `apply` left.
---@param options aicc.RunOptions
---@return aicc.JobSummary? summary
---@return aicc.Error? err
function Job:resume(options) end

---Binds again whom the job released.
---@param options aicc.RunOptions
---@return aicc.JobSummary? summary
---@return aicc.Error? err
function Job:undo(options) end

---How far the job is.
---@return aicc.JobStatus? status
---@return aicc.Error? err
function Job:status() end

---How far the job is, queue by queue, in agents; and how many requests it takes at least until nothing is left. It costs less than
---`status`, and keeps no worker waiting.
---@param verb? "apply"|"resume"|"undo" what is going to be done to it; what it is at if not given
---@return aicc.JobProgress? progress
---@return aicc.Error? err
function Job:progress(verb) end

---What the job is about, queue by queue.
---@param verb? "apply"|"resume"|"undo"
---@return aicc.JobQueue[]? queues
---@return aicc.Error? beyond how it is beyond the blast radius, if it is; or, after nil, the error
function Job:queues(verb) end

---One row per input line, in input order.
---@param wanted? aicc.ReportOptions
---@return (fun(): aicc.JobRow?)? rows
---@return aicc.Error? err
function Job:report(wanted) end

---Writes the report, in pieces.
---@param write fun(text: string)
---@param options? aicc.WriteReportOptions
---@return true? done
---@return aicc.Error? err
function Job:write_report(write, options) end

---The accounts of a job that is made from accounts and that have no queue.
---@return (fun(): aicc.JobRow?)? rows
---@return aicc.Error? err
function Job:without_queue() end

---A job store.
---@class aicc.JobStore
---@field warning? string for people: a SQLite file is on a network file system
local JobStore = {}

---Plans a job: reads the rows, lists each queue, changes nothing.
---@param reader aicc.JobReader
---@param options aicc.PlanOptions
---@return aicc.Job? job
---@return aicc.Error? err
function JobStore:plan(reader, options) end

---Plans a job that releases agents from all of their queues.
---@param reader aicc.AccountReader
---@param options aicc.PlanAgentsOptions
---@return aicc.Job? job
---@return aicc.Error? err
function JobStore:plan_agents(reader, options) end

---@param name string
---@return aicc.Job? job
---@return aicc.Error? err
function JobStore:job(name) end

---Every job, oldest first.
---@return aicc.JobListed[]? jobs
---@return aicc.Error? err
function JobStore:list() end

---Deletes a job and all that is known of its rows.
---@param name string
---@return true? done
---@return aicc.Error? err
function JobStore:forget(name) end

---Closes the connection.
function JobStore:close() end

---Whether it can only be read, as what is in a folder that cannot be written. It then shows what was there when it was opened.
---@return boolean
function JobStore:is_read_only() end

---Bulk jobs: plan, apply, report, resume, undo.
---@class aicc.jobs
local jobs = {}

---Opens a job store, and makes it if it is not there.
---@param url string "sqlite:PATH" or "postgresql://…"
---@return aicc.JobStore? store
---@return aicc.Error? err
function jobs.open(url) end

---Opens a file of rows: CSV or JSON Lines.
---@param path string "-" for standard input
---@return aicc.JobReader? reader
---@return aicc.Error? err
---@return string? assumed as what it is read
function jobs.read(path) end

---A reader of rows that an iterator makes.
---@param iterator fun(): integer?, string?
---@return aicc.JobReader
function jobs.rows(iterator) end

---Opens a file of accounts: CSV or JSON Lines.
---@param path string "-" for standard input
---@return aicc.AccountReader? reader
---@return aicc.Error? err
---@return string? assumed as what it is read
function jobs.read_agents(path) end

---A reader of accounts that an iterator makes.
---@param iterator fun(): string?
---@return aicc.AccountReader
function jobs.accounts(iterator) end

-- ---- aicc.sandbox ----

---The API's shape: what its documents show in two ways.
---@class aicc.SandboxShape
---@field account_field? "userAccount"|"accountCode"|"none" what a listing calls an agent's account
---@field query_form? "both"|"flat"|"wrapped" in which a listing's parameters are taken
---@field wrong_form? "400"|"business"|"empty"|"page" the answer to the other one
---@field schema? "none"|"data"|"all" what of a reply is in `schema`
---@field count_field? "count"|"total"
---@field numbers? "number"|"string"
---@field unknown_agent? "empty"|"missing"|"null"|"business"|"other"|"page" what an account that nobody has gets
---@field skills_field? "array"|"missing" whether an agent's queues are told

---@class aicc.SandboxOptions: aicc.SandboxShape
---@field port? integer 0 for one that is free
---@field token_port? integer another one for tokens
---@field tls? boolean HTTPS; false
---@field certificate? aicc.SandboxCertificate of the one that is made
---@field cert? string PEM, in place of one that is made
---@field key? string PEM
---@field ca? string PEM
---@field app_key? string "sandbox-key"
---@field app_secret? string "sandbox-secret"
---@field tenant_space_id? string asked for, where given
---@field token_lifetime? integer seconds; 600
---@field agents? table<integer, (string|aicc.SandboxAgent)[]> who is bound to which queue
---@field queues? table<integer, aicc.SandboxQueue>
---@field people? table<string, aicc.SandboxPerson>
---@field omit_skills? table<string, integer[]> queues that query_agent does not name
---@field business? "500"|"200" the status of a business failure; "500"
---@field unknown_accounts? "ignore"|"refuse" what a release does with who is not bound; "ignore"
---@field refuse_accounts? table<string, boolean> accounts that are refused
---@field refuse_queues? table<integer, boolean> queues that are refused
---@field log? boolean whether requests are kept; true

---@class aicc.SandboxCertificate
---@field names? string[] { "localhost" }
---@field addresses? string[] { "127.0.0.1", "::1" }
---@field days? number 1
---@field self_signed? boolean false

---@class aicc.SandboxAgent
---@field userAccount string
---@field agentWeight? integer
---@field skillWeight? integer
---@field workNo? integer
---@field agentType? integer
---@field accountName? string
---@field sipAccount? string
---@field hidden? boolean in no listing

---@class aicc.SandboxQueue
---@field name? string
---@field description? string
---@field mediaTypeId? integer

---@class aicc.SandboxPerson
---@field userName? string
---@field agentType? integer
---@field phone? string
---@field email? string

---What goes wrong. Without `status`, `body`, `raw`, `endless` or `close` the natural answer stays.
---@class aicc.SandboxFault
---@field operation? aicc.Operation any, if not given
---@field from? integer the first request of the operation that meets it; 1
---@field to? integer the last one; `from`
---@field status? integer
---@field body? string
---@field headers? table<string, string|number>
---@field delay? number seconds before the answer
---@field hold? boolean the answer waits for `release_held`
---@field close? "headers"|"request"|"reset" the connection ends: after the head, after the body, with a reset
---@field cut? integer bytes of the body after which it ends
---@field raw? string bytes in place of an answer
---@field drip? number seconds between two bytes
---@field endless? "body"|"headers" it never ends
---@field apply? boolean the request is done all the same
---@field expire_tokens? boolean all tokens are forgotten first

---A request that arrived.
---@class aicc.SandboxRequest
---@field n integer
---@field operation? aicc.Operation
---@field method string
---@field path string
---@field headers { [1]: string, [2]: string }[] as they came
---@field header table<string, string> by lower-case name
---@field body string
---@field status? integer of the answer
---@field time number seconds
---@field connection integer
---@field for_tokens boolean whether it came to the tokens' port
---@field error? string

---@class aicc.SandboxStats
---@field connections integer
---@field requests integer
---@field in_flight integer
---@field max_in_flight integer
---@field held integer

---A running sandbox.
---@class aicc.Sandbox
---@field base_url string
---@field token_url? string
---@field port integer
---@field token_port? integer
---@field tls boolean
---@field ca_file? string
---@field ca_pem? string
---@field app_key string
---@field app_secret string
---@field tenant_space_id? string
local Sandbox = {}

---A client that talks to this server.
---@param overrides? aicc.Options
---@return aicc.Client? client
---@return aicc.Error? err
function Sandbox:client(overrides) end

---Who is bound to a queue.
---@param skill_id integer
---@return aicc.Agent[]
function Sandbox:agents(skill_id) end

---The same, names only.
---@param skill_id integer
---@return string[]
function Sandbox:accounts(skill_id) end

---The queues of an account.
---@param account string
---@return aicc.AgentSkill[]
function Sandbox:queues_of(account) end

---Binds agents without a request.
---@param skill_id integer
---@param agents (string|aicc.SandboxAgent)[]
function Sandbox:bind(skill_id, agents) end

---Unbinds accounts without a request.
---@param skill_id integer
---@param accounts string[]
function Sandbox:unbind(skill_id, accounts) end

---What arrived.
---@return aicc.SandboxRequest[]
function Sandbox:requests() end

---@return aicc.SandboxStats
function Sandbox:stats() end

---Scripts what goes wrong.
---@param fault aicc.SandboxFault
function Sandbox:fault(fault) end

---Changes the API's shape.
---@param fields aicc.SandboxShape
function Sandbox:shape(fields) end

---Lets every answer go that is held now.
function Sandbox:release_held() end

---Blocks until so many requests have arrived and so many answers are held.
---@param what { requests: integer?, held: integer?, timeout: number? }
---@return true? done
---@return aicc.Error? err
function Sandbox:wait_for(what) end

---Drops the faults and the log.
function Sandbox:clear() end

---Everything anew.
---@param agents? table<integer, (string|aicc.SandboxAgent)[]>
function Sandbox:reset(agents) end

---Ends every connection and thread.
function Sandbox:stop() end

---The API on a loopback port, in this process.
---@class aicc.sandbox
local sandbox = {}

---@param given? aicc.SandboxOptions
---@return aicc.Sandbox? server
---@return aicc.Error? err why it did not start
function sandbox.start(given) end

-- ---- aicc.metrics ----

---A counter of the caller's own.
---@class aicc.MetricsCounter
---@field name string
---@field help string
---@field label? string
---@field values? string[] all that the label may be

---@class aicc.MetricsOptions
---@field shared? table an ngx.shared.DICT, or a part of aicc.shared
---@field counters? aicc.MetricsCounter[]

---Numbers for Prometheus.
---@class aicc.Metrics
---@field CONTENT_TYPE string
local Metrics = {}

---What counts a client's events: for `on_event`.
---@param also? fun(event: aicc.Event)
---@return fun(event: aicc.Event)
function Metrics:listener(also) end

---Counts one thing of the caller's own.
---@param name string
---@param value? string
function Metrics:count(name, value) end

---All numbers, as the text that Prometheus reads.
---@return string
function Metrics:text() end

---@class aicc.metrics
---@field CONTENT_TYPE string
---@field BUCKETS number[] seconds
local metrics = {}

---@param options? aicc.MetricsOptions
---@return aicc.Metrics
function metrics.new(options) end

-- ---- aicc.shared, aicc.store.*, aicc.error, aicc.retry ----

---Values that all Lua states of a process share. The methods are those of ngx.shared.DICT.
---@class aicc.Shared
local Shared = {}

---@param key string
---@return string|number|nil
function Shared:get(key) end

---@param key string
---@param value string|number
---@param seconds? number until it ends; 0: never
---@return true? done
---@return string? problem
function Shared:set(key, value, seconds) end

---@param key string
---@param value string|number
---@param seconds? number
---@return true? done
---@return string? problem
function Shared:add(key, value, seconds) end

---@param key string
---@param by number
---@param first? number what it begins with where there is none
---@param seconds? number
---@return number? sum
---@return string? problem
function Shared:incr(key, by, first, seconds) end

---@param key string
function Shared:delete(key) end

---@return string[]
function Shared:get_keys() end

---@class aicc.shared
local shared = {}

---@param name string whoever gives the same one, has the same values
---@return aicc.Shared
function shared.new(name) end

---@class aicc.transport.luv
local luv_transport = {}

---Begins a coroutine in which clients wait by yielding to luv, whatever transport they were given. It runs at once, until it yields.
---@param f fun(...: any)
---@param ... any its arguments
---@return thread
function luv_transport.spawn(f, ...) end

---@class aicc.store.memory
local memory_store = {}

---@return aicc.TokenStore
function memory_store.new() end

---@class aicc.store.file
local file_store = {}

---@param options? { directory: string? }
---@return aicc.TokenStore? store
---@return aicc.Error? err
function file_store.new(options) end

---@class aicc.store.shdict
local shdict_store = {}

---@param options? { dict: string? }
---@return aicc.TokenStore? store
---@return aicc.Error? err
function shdict_store.new(options) end

---@class aicc.error
---@field KINDS aicc.Kind[]
local errors = {}

---@param fields table kind and message; outcome is "not_sent" unless told
---@return aicc.Error
function errors.new(fields) end

---@param err aicc.Error
---@param changes? table
---@return aicc.Error
function errors.copy(err, changes) end

---@param value any
---@param kind? aicc.Kind
---@return boolean
function errors.is_error(value, kind) end

---@param f function
---@param ... any its arguments
---@return any ... what f returned; or nil and the error
function errors.protect(f, ...) end

---@param err aicc.Error
---@param more? { [1]: string, [2]: any }[]
---@return string
function errors.line(err, more) end

---@class aicc.retry
---@field defaults aicc.RetryOptions
local retry = {}

---@param option? aicc.RetryOptions|false
---@param from? aicc.RetryOptions
---@return aicc.RetryOptions
function retry.complete(option, from) end

---Decides what follows a failed attempt.
---@param err aicc.Error
---@param history table
---@param options table
---@return "retry"|"reauthenticate"|"stop" action
---@return number? wait seconds
---@return number? cost of the budget
---@return string? key to remember in history.once
function retry.decide(err, history, options) end

-- ---- aicc.curl: sessions of libcurl, without tokens and retries ----

---@class aicc.SessionOptions
---@field base_url string
---@field token_url? string
---@field app_key? string
---@field app_secret? string
---@field tenant_space_id? string
---@field user_agent? string
---@field ca_file? string
---@field ca_path? string
---@field proxy? string
---@field verify? boolean
---@field timeout? number seconds
---@field connect_timeout? number seconds
---@field max_in_flight? integer
---@field facts? boolean whether results have timings beside them

---@class aicc.SessionLimits
---@field timeout? number seconds
---@field connect_timeout? number seconds
---@field deadline? number seconds
---@field fresh_connection? boolean
---@field headers? table<string, string> of the caller's

---Connections to the API, and calls under way on them.
---@class aicc.Session
local Session = {}

---@param arguments { app_key: string, app_secret: string, expires: integer? }
---@param limits? aicc.SessionLimits
---@return table? result
---@return aicc.Error? err
---@return aicc.Timing? facts
function Session:token(arguments, limits) end

---@param token string
---@param arguments { skillId: integer, userAccounts: string[]|aicc.All }
---@param limits? aicc.SessionLimits
---@return table? result
---@return aicc.Error? err
---@return aicc.Timing? facts
function Session:release_agent_by_skill(token, arguments, limits) end

---@param token string
---@param arguments { skillId: integer, userAccounts: string[], agentWeight: integer?, skillWeight: integer? }
---@param limits? aicc.SessionLimits
---@return table? result
---@return aicc.Error? err
---@return aicc.Timing? facts
function Session:bind_agents(token, arguments, limits) end

---@param token string
---@param arguments table
---@param limits? aicc.SessionLimits
---@return table? result
---@return aicc.Error? err
---@return aicc.Timing? facts
function Session:query_agents(token, arguments, limits) end

---@param token string
---@param arguments table
---@param limits? aicc.SessionLimits
---@return table? result
---@return aicc.Error? err
---@return aicc.Timing? facts
function Session:query_agent(token, arguments, limits) end

---@param token string
---@param arguments table
---@param limits? aicc.SessionLimits
---@return table? result
---@return aicc.Error? err
---@return aicc.Timing? facts
function Session:query_skills(token, arguments, limits) end

---Starts a call, and does not wait for it.
---@param operation aicc.Operation
---@param token? string nil for the operation "token"
---@param arguments table
---@param limits? aicc.SessionLimits
---@return integer? ticket
---@return aicc.Error? err
function Session:start(operation, token, arguments, limits) end

---Lets calls proceed for at most so many seconds.
---@param seconds? number
---@return integer running
---@return boolean interrupted
function Session:step(seconds) end

---Waits for several sessions.
---@param sessions aicc.Session[]
---@param seconds number
---@param into? aicc.Session[] gets those that are to be stepped
---@return aicc.Session[]|integer due those that are to be stepped; with `into`, how many they are
---@return boolean interrupted
function Session:wait(sessions, seconds, into) end

---What a call that has ended came to.
---@return integer? ticket
---@return table? result
---@return aicc.Error? err
---@return aicc.Timing? facts
function Session:result() end

---As `step`, and then as `result` for all that have ended.
---@param seconds number
---@param into table four values for each: ticket, result, error, facts
---@param behind? integer with `waiting`: they stand behind so many
---@param waiting? table who waits for which ticket, and comes in place of it
---@return integer ended
---@return integer running
---@return boolean interrupted
function Session:turn(seconds, into, behind, waiting) end

---Gives a call up; what was sent may have been done.
---@param ticket integer
---@return boolean found
function Session:cancel(ticket) end

function Session:close() end

---A descriptor that is readable when the session is to have a turn: for anybody's event loop. It is the session's.
---@return integer? descriptor
---@return aicc.Error? err
function Session:pollfd() end

---What to wait for at the descriptor.
---@return "r"
function Session:events() end

---Seconds until the session is to have a turn in any case; nil where it need not. The descriptor tells that too.
---@return number? seconds
function Session:timeout() end

---The same descriptor, by the name that LuaSocket has for it.
---@return integer? descriptor
---@return aicc.Error? err
function Session:getfd() end

---Whether something waits in a buffer, of which the descriptor would not tell: false.
---@return boolean
function Session:dirty() end

---The descriptor becomes readable then, too, once.
---@param seconds number
function Session:alarm(seconds) end

---@class aicc.curl: aicc.core
---@field curl_version string
local curl = {}

---@param options aicc.SessionOptions
---@return aicc.Session? session
---@return aicc.Error? err
function curl.session(options) end

---The C module: what needs no session, and does no I/O.
---@class aicc.core
---@field ALL aicc.All
---@field operations aicc.Operation[]
---@field error_meta table the metatable of errors
---@field build string for which Lua it was built
---@field _VERSION string
local core = {}

---@param operation aicc.Operation
---@param arguments table
---@return table? arguments a copy that is known to be good
---@return aicc.Error? err
function core.check(operation, arguments) end

---@param operation aicc.Operation
---@param arguments table
---@param who? { token: string?, app_key: string?, tenant_space_id: string?, user_agent: string? }
---@return { path: string, headers: table<string, string>, body: string }? request
---@return aicc.Error? err
function core.encode(operation, arguments, who) end

---@param operation aicc.Operation
---@param reply { status: integer, headers: table<string, string>, body: string, truncated: boolean? }
---@param secrets? { token: string?, app_key: string?, app_secret: string? }
---@return table? result
---@return aicc.Error? err
function core.decode(operation, reply, secrets) end

---@param clock? "monotonic"|"boottime"|"realtime"
---@return number seconds
function core.now(clock) end

---@param seconds number
---@return boolean uninterrupted
function core.sleep(seconds) end

---@return number from 0 to below 1
function core.random() end

---@param text string
---@return string digits 16 of them
function core.hash(text) end

---@param text string
---@param bytes integer
---@return string line
function core.printable(text, bytes) end

---@param a string
---@param b string
---@return boolean
function core.equal(a, b) end

---@param descriptor integer 1 for standard output
---@return boolean
function core.is_terminal(descriptor) end

-- ---- aicc ----

---Huawei Cloud's contact-centre management API.
---@class aicc
---@field ALL aicc.All everybody in a queue
---@field VERSION string
---@field _VERSION string
local aicc = {}

---Makes a client. Without an argument all comes from the environment and the file.
---@param options? aicc.Options
---@return aicc.Client? client
---@return aicc.Error? err
function aicc.new(options) end

---Whether a value is an error of this library.
---@param value any
---@param kind? aicc.Kind and of that kind
---@return boolean
function aicc.is_error(value, kind) end

---One line of fields for a log.
---@param err aicc.Error
---@param more? { [1]: string, [2]: any }[]
---@return string
function aicc.line(err, more) end

---As Lua's assert, but what it raises is text.
---@generic T
---@param value T?
---@param err? any
---@param ... any
---@return T
---@return any ...
function aicc.assert(value, err, ...) end

---Compares two secrets, in a time that tells nothing of where they differ.
---@param a string
---@param b string
---@return boolean
function aicc.equal(a, b) end

return aicc
