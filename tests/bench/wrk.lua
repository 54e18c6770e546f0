-- Sends a method to each path as each caller in turn, from a place in that order on; prints what came of it as JSON.
-- Arguments: METHOD, a file of paths, a file of callers (a token, a tab, a body; both may be empty), the place.
local method, place
local paths, callers = {}, {}

function init(args)
  method, place = args[1], tonumber(args[4])
  for line in io.lines(args[2]) do
    paths[#paths + 1] = line
  end
  for line in io.lines(args[3]) do
    local token, body = line:match("^(.-)\t(.*)$")
    local headers = {}
    if token ~= "" then
      headers["Authorization"] = "Bearer " .. token
    end
    if body ~= "" then
      headers["Content-Type"] = "application/json"
    end
    callers[#callers + 1] = {headers = headers, body = body ~= "" and body or nil}
  end
end

function request()
  local caller = callers[place % #callers + 1]
  local path = paths[math.floor(place / #callers) % #paths + 1]
  place = place + 1
  return wrk.format(method, path, caller.headers, caller.body)
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "seconds": %.6f, "p50_ms": %.3f, "p99_ms": %.3f, "failures": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.connect + errors.read + errors.write + errors.timeout + errors.status
  ))
end
