--- A server's text, as databases, reports and terminals take it: one line of UTF-8 that is not too long.
--
-- PostgreSQL refuses a text with a byte that is no UTF-8, or with a NUL, and the whole transaction with it: a job would end
-- there, and at each resume. So every text that is not ours goes through here on its way into the store.
-- @module aicc.jobs.db.text

local core = require "aicc.core"

local M = {}

local LONGEST = 500 -- bytes that are kept

--- A text as it may be stored: a space for each byte of a control character, a question mark for each byte that belongs to no
-- character; not cut in the middle of one.
-- @param text a string, or what `tostring` makes one of; nil stays nil
-- @treturn ?string
function M.line(text) return text ~= nil and core.printable(tostring(text), LONGEST) or nil end

return M
