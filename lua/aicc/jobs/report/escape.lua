--- Texts of strangers in a report that is a document: as text, whatever is in them.
--
-- Account names, queues' names and the API's messages come from elsewhere. First each is made `visible`: valid UTF-8 in which
-- what nobody sees, or what turns letters around, is named. What a format would read as its own is escaped after that.
-- @module aicc.jobs.report.escape

local core = require "aicc.core"

local M = {}

local LONGEST = 1000 -- bytes of one text that are shown

-- What is not to be seen, or changes how what follows it is: first and last of code points. (Joiners and variation selectors are
-- not among them: names in Persian and emoji are made with them.)
local UNSEEN = {
  { 0x80, 0x9F }, { 0xAD, 0xAD }, { 0x61C, 0x61C }, { 0x115F, 0x1160 }, { 0x17B4, 0x17B5 }, { 0x180E, 0x180E },
  { 0x200B, 0x200B }, { 0x200E, 0x200F }, { 0x2028, 0x202E }, { 0x2060, 0x206F }, { 0x3164, 0x3164 }, { 0xFEFF, 0xFEFF },
  { 0xFFA0, 0xFFA0 }, { 0xFFF0, 0xFFFB }, { 0xFFFE, 0xFFFF }, { 0xE0000, 0xE0FFF },
}

local function code_of(character)
  local first = character:byte()
  if first < 0x80 then return first end
  local code = first < 0xE0 and first - 0xC0 or first < 0xF0 and first - 0xE0 or first - 0xF0
  for i = 2, #character do code = code * 64 + character:byte(i) - 0x80 end
  return code
end

local function named(character)
  local code = code_of(character)
  for _, range in ipairs(UNSEEN) do
    if code >= range[1] and code <= range[2] then return ("[U+%04X]"):format(code) end
  end
end

--- A text that shows all that is in it, as valid UTF-8.
-- @tparam string text any bytes
-- @treturn string what is too long is cut, and says so; `[U+202E]` stands for what is not to be seen
function M.visible(text)
  local size = #text
  if size <= LONGEST and not text:find "[^\32-\126]" then return text end
  if size > LONGEST then text = text:sub(1, LONGEST):gsub("[\192-\247]?[\128-\191]*$", "") end
  -- What remains is a character, or becomes a question mark.
  text = text:gsub("%c", function(byte) return ("[U+%04X]"):format(byte:byte()) end)
  text = text:gsub("\194[\128-\159]", named)
  text = core.printable(text, #text):gsub("[\194-\244][\128-\191]+", named)
  if size > LONGEST then text = ("%s… [%d bytes]"):format(text, size) end
  return text
end

local HTML = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;" }

--- Text for HTML, also between quotes.
-- @tparam string text
-- @treturn string
function M.html(text) return (M.visible(text):gsub("[&<>\"']", HTML)) end

local JSON = { ['"'] = '\\"', ["\\"] = "\\\\", ["<"] = "\\u003c", [">"] = "\\u003e", ["&"] = "\\u0026" }

--- A JSON string that may stand inside an element of HTML: no `</script` and no `<!--` is in it.
-- @tparam string text
-- @treturn string with its quotes
function M.json(text) return '"' .. M.visible(text):gsub('["\\<>&]', JSON) .. '"' end

--- Text for a line or a table's cell of Markdown: no letter in it is one of Markdown's, nor of the HTML in it, and nothing
-- becomes a link.
-- @tparam string text
-- @treturn string
function M.markdown(text)
  text = M.visible(text):gsub("[&<>]", HTML):gsub("[\\`*_{}%[%]|~$^]", "\\%0")
  return (text:gsub("://", "&#58;//"):gsub("@", "&#64;"):gsub("([wW][wW][wW])%.", "%1&#46;"))
end

return M
