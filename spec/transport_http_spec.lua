-- An answer in chunks, read as HAProxy's transport reads it, from a real socket (aicc.transport.http).

local core = require "aicc.core"
local http = require "aicc.transport.http"
local socket = require "socket"

local HEAD = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

describe("aicc.transport.http", function()
  -- What is read where that body, in chunks, is the answer: the body, and whether some of it is missing.
  local function read(chunks)
    local listener = assert(socket.bind("127.0.0.1", 0))
    local host, port = listener:getsockname()
    local client = assert(socket.connect(host, port))
    local server = assert(listener:accept())
    local text, is_cut = http.exchange({
      send = function(_, bytes) return client:send(bytes) end,
      receive = function(_, most) -- as HAProxy's: what came before the end is no failure
        local data, problem, part = client:receive(most)
        return data or part, problem
      end,
    }, "POST", function(...)
      assert(server:receive(4))
      assert(server:send(HEAD .. chunks))
      server:close()
      return http.read_whole(...)
    end, 5, core.now() + 5, function(_, seconds) client:settimeout(seconds) end)
    client:close()
    listener:close()
    assert.equal(HEAD, text:sub(1, #HEAD))
    return text:sub(#HEAD + 1), is_cut
  end

  it("takes chunks apart", function()
    for _, chunks in ipairs {
      "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", "5\r\nabcde\r\n000\r\n\r\n", "0000000005 \r\nabcde\r\n0\r\nX-Trailer: 1\r\n\r\n",
      "5;name=value\r\nabcde\r\n0;a\r\n\r\n",
    } do
      assert.same({ "abcde", false }, { read(chunks) }, chunks)
    end
  end)

  it("says of what is cut or is no chunk that something is missing, and raises nothing", function()
    for chunks, body in pairs {
      ["5\r\nabcde\r\n"] = "abcde", ["5\r\nabcde"] = "abcde", ["5\r\nab"] = "ab", ["5\r"] = "", [""] = "",
      ["3\r\nabc\r\n123456789\r\nde\r\n0\r\n\r\n"] = "abc",
      ["3\r\nabc\r\nFFFFFFFFFFFFFFFFF\r\nde\r\n0\r\n\r\n"] = "abc",
      ["3\r\nabc\r\n-2\r\nde\r\n0\r\n\r\n"] = "abc", ["3\r\nabc\r\n2x\r\nde\r\n0\r\n\r\n"] = "abc",
      ["3\r\nabcde\r\n0\r\n\r\n"] = "abc",
    } do
      assert.same({ body, true }, { read(chunks) }, chunks)
    end
  end)
end)
