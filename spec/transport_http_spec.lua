-- An answer in chunks, or behind interim ones, read as HAProxy's transport reads it, from a real socket (aicc.transport.http).

local core = require "aicc.core"
local http = require "aicc.transport.http"
local socket = require "socket"

local HEAD = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

describe("aicc.transport.http", function()
  -- What an exchange comes to where that is the answer.
  local function exchange(answer)
    local listener = assert(socket.bind("127.0.0.1", 0))
    local host, port = listener:getsockname()
    local client = assert(socket.connect(host, port))
    local server = assert(listener:accept())
    local told = { http.exchange({
      send = function(_, bytes) return client:send(bytes) end,
      receive = function(_, most) -- as HAProxy's: what came before the end is no failure
        local data, problem, part = client:receive(most)
        return data or part, problem
      end,
    }, "POST", function(...)
      assert(server:receive(4))
      assert(server:send(answer))
      server:close()
      return http.read_whole(...)
    end, 5, core.now() + 5, function(_, seconds) client:settimeout(seconds) end) }
    client:close()
    listener:close()
    return told
  end

  -- What is read where that body, in chunks, is the answer: the body, and whether some of it is missing.
  local function read(chunks)
    local told = exchange(HEAD .. chunks)
    local text, is_cut = told[1], told[2]
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
      ["3\r\nabcde\r\n0\r\n\r\n"] = "abc", ["3\r\nabcde0\r\n\r\n"] = "abc",
      ["3\r\nabc\r\n\r\n"] = "abc", ["3\r\nabc\r\n;a\r\n\r\n"] = "abc",
    } do
      assert.same({ body, true }, { read(chunks) }, chunks)
    end
  end)

  it("takes no longer where a size has no end: zeros, digits, blanks", function()
    for _, chunks in ipairs { ("0"):rep(3000), ("1"):rep(50000), "1" .. (" "):rep(50000), "1" .. ("\t;"):rep(25000) } do
      local began = os.clock()
      assert.same({ "", true }, { read(chunks) })
      assert.is_true(os.clock() - began < 1, chunks:sub(1, 3) .. "…: seconds of a processor")
    end
  end)

  it("reads past interim answers, but not past one after the other for ever", function()
    local interim, answer = "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
    assert.same({ answer, false }, exchange(interim:rep(20) .. answer))
    for _, n in ipairs { 21, 1000 } do
      local told = exchange(interim:rep(n) .. answer)
      assert.same({ nil, "network", "unknown" }, { told[1], told[2], told[3] })
      assert.matches("again and again", told[4])
    end
  end)
end)
