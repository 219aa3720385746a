-- A real browser for the specs: headless Chromium, spoken to through a pair of pipes by its DevTools protocol.

local cjson = require "cjson"
local core = require "aicc.core"
local lfs = require "lfs"
local mime = require "mime"

local browser = {}

-- Debian's names, the smallest first; and what others call it.
local NAMES = { "chromium-headless-shell", "chromium", "chromium-browser", "google-chrome" }

local OPTIONS = "--headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run --hide-scrollbars "
  .. "--disable-background-networking --disable-component-update --remote-debugging-pipe"

local LONGEST = 120 -- seconds that a browser lives: whatever hangs ends with it

local function program()
  for _, name in ipairs(NAMES) do
    if os.execute("command -v " .. name .. " >/dev/null") then return name end
  end
  error("there is no browser: make check-report installs chromium-headless-shell")
end

-- Sends a message, and returns what answers it. Events that come before are kept.
local function call(self, method, parameters, session)
  self.last = self.last + 1
  self.to:write(cjson.encode { id = self.last, method = method, params = parameters, sessionId = session }, "\0")
  self.to:flush()
  while true do
    local parts = {}
    repeat
      local byte = self.from:read(1)
      if not byte then error("the browser is gone: " .. method) end
      if byte ~= "\0" then parts[#parts + 1] = byte end
    until byte == "\0"
    local message = cjson.decode(table.concat(parts))
    if message.id == self.last then
      if message.error then error(method .. ": " .. message.error.message, 2) end
      return message.result
    end
    self.events[#self.events + 1] = message
  end
end

local Page = {}
Page.__index = Page

--- Calls a method of the protocol.
function Page:call(method, parameters) return call(self.browser, method, parameters or setmetatable({}, cjson.empty_array_mt),
  self.session) end

--- The value of an expression, or of the promise that it is.
function Page:evaluate(expression)
  local result = self:call("Runtime.evaluate", { expression = expression, returnByValue = true, awaitPromise = true })
  if result.exceptionDetails then error(cjson.encode(result.exceptionDetails), 2) end
  return result.result.value
end

--- Waits until a condition holds; an error if it does not within 20 seconds. The page is asked from here, since where scripts do
-- not run it has no timers.
function Page:await(condition)
  local ends = core.now() + 20
  while not self:evaluate(("!!(%s)"):format(condition)) do
    if core.now() > ends then error("never: " .. condition, 2) end
    core.sleep(0.005)
  end
end

--- Opens an address, and waits until it is there.
function Page:open(url)
  self:call("Page.navigate", { url = "about:blank" }) -- else what differs in its fragment only would stay
  self:call("Page.navigate", { url = url })
  self:await "location.href !== 'about:blank' && document.readyState === 'complete'"
end

--- Clicks into the middle of an element.
function Page:click(selector)
  local at = self:evaluate(([[(() => {
    const element = document.querySelector(%q);
    element.scrollIntoView({ block: "center" });
    const box = element.getBoundingClientRect();
    return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  })()]]):format(selector))
  for _, kind in ipairs { "mousePressed", "mouseReleased" } do
    self:call("Input.dispatchMouseEvent", { type = kind, x = at.x, y = at.y, button = "left", clickCount = 1 })
  end
end

--- Types into what has the focus.
function Page:type(text) self:call("Input.insertText", { text = text }) end

--- Presses a key, by its name and code.
function Page:press(key, code)
  for _, kind in ipairs { "rawKeyDown", "keyUp" } do
    self:call("Input.dispatchKeyEvent", { type = kind, key = key, windowsVirtualKeyCode = code })
  end
end

local function save(path, base64)
  local file = assert(io.open(path, "wb"))
  file:write((mime.unb64(base64)))
  file:close()
end

--- Writes what is seen to a PNG.
function Page:screenshot(path)
  save(path, self:call("Page.captureScreenshot", { format = "png", captureBeyondViewport = true }).data)
end

--- Writes what is printed to a PDF, on A4.
function Page:pdf(path)
  save(path, self:call("Page.printToPDF", { preferCSSPageSize = true, paperWidth = 8.27, paperHeight = 11.69 }).data)
end

--- Events of this page so far, by name.
function Page:events(name)
  local list = {}
  for _, event in ipairs(self.browser.events) do
    if event.method == name and event.sessionId == self.session then list[#list + 1] = event.params end
  end
  return list
end

local Browser = {}
Browser.__index = Browser

--- A new page, so wide and high.
function Browser:page(width, height)
  local target = call(self, "Target.createTarget", { url = "about:blank" })
  local session = call(self, "Target.attachToTarget", { targetId = target.targetId, flatten = true }).sessionId
  local page = setmetatable({ browser = self, session = session }, Page)
  for _, domain in ipairs { "Page", "Runtime", "Network", "Log" } do page:call(domain .. ".enable") end
  page:call("Emulation.setDeviceMetricsOverride", { width = width or 1200, height = height or 900, deviceScaleFactor = 1,
    mobile = false })
  return page
end

--- Ends it.
function Browser:stop()
  pcall(call, self, "Browser.close", setmetatable({}, cjson.empty_array_mt))
  self.to:close()
  repeat until not self.from:read(4096)
  self.from:close()
  os.execute("rm -rf " .. self.folder)
end

--- Starts one, with a profile of its own.
function browser.start()
  local folder = os.tmpname()
  os.remove(folder)
  assert(lfs.mkdir(folder))
  assert(os.execute(("mkfifo -m 600 %s/to %s/from"):format(folder, folder)))
  os.execute(("timeout %d %s %s --user-data-dir=%s/profile 3<%s/to 4>%s/from >%s/log 2>&1 &"):format(LONGEST, program(), OPTIONS,
    folder, folder, folder, folder))
  local to = assert(io.open(folder .. "/to", "wb"))
  local from = assert(io.open(folder .. "/from", "rb"))
  return setmetatable({ folder = folder, to = to, from = from, last = 0, events = {} }, Browser)
end

return browser
