--- What the API's answers look like, in whichever of the documented shapes `service.shape` says.
--
-- A reply is `{ status=, headers=, body= }`. Fields are arrays of `{ name, JSON }`.
-- @module aicc.sandbox.replies

local body = require "aicc.sandbox.body"

local M = {}

local JSON = { { "Content-Type", "application/json" } }

--- A reply.
-- @tparam integer status
-- @tparam {table,...} fields
-- @treturn table
function M.reply(status, fields) return { status = status, headers = JSON, body = body.write(fields) } end

--- A refusal by the gateway in front of the API.
-- @tparam integer status
-- @tparam string message
-- @treturn table
function M.refusal(status, message)
  return M.reply(status, { { "error_code", body.quote(tostring(status)) }, { "error_msg", body.quote(message) } })
end

--- A reply by the API itself, in `schema` if that is its shape.
-- @tparam table service
-- @tparam integer status
-- @tparam {table,...} fields
-- @treturn table
function M.answer(service, status, fields)
  if service.shape.schema == "all" then fields = { { "schema", body.write(fields) } } end
  return M.reply(status, fields)
end

--- The same with a result's code.
-- @tparam table service
-- @tparam integer status
-- @tparam string code
-- @tparam string message
-- @param ... more fields
-- @treturn table
function M.result(service, status, code, message, ...)
  return M.answer(service, status, { { "resultCode", body.quote(code) }, { "resultMessage", body.quote(message) }, ... })
end

--- Success.
-- @tparam table service
-- @param ... more fields
-- @treturn table
function M.success(service, ...) return M.result(service, 200, "0", "success", ...) end

--- A refusal of the request as it stands.
-- @tparam table service
-- @tparam string message
-- @treturn table
function M.bad_request(service, message) return M.result(service, 400, "1", message) end

--- A refusal of what is asked for.
-- @tparam table service
-- @tparam string message
-- @treturn table
function M.business_failure(service, message)
  return M.result(service, service.options.business == "200" and 200 or 500, "1", message)
end

--- An integer as JSON, or as this API's string of digits.
-- @tparam table service
-- @tparam number value
-- @treturn string
function M.number(service, value)
  local digits = body.digits(value)
  return service.shape.numbers == "string" and body.quote(digits) or digits
end

--- Success with data: beside the result, or in `schema`.
-- @tparam table service
-- @tparam string json
-- @treturn table
function M.data(service, json)
  if service.shape.schema == "data" then return M.success(service, { "schema", body.write { { "data", json } } }) end
  return M.success(service, { "data", json })
end

return M
