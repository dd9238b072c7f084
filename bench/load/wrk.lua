-- wrk -s wrk.lua URL -- REQUESTS check|time NONCE START
-- REQUESTS is a Lua file: { must = "...", { method =, path =, headers =, body = }, ... }. A body may have places for
-- two numbers and a word, which are new in every request. With `check`, every answer is read, which costs the load
-- much time of its own: it is not done while the time counts.

local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

function init(args)
  asked = dofile(args[1])
  nonce = args[3]
  -- Elsewhere in every run: what is already so would be no change.
  count, bad, worst = tonumber(args[4]), 0, ""
  for _, one in ipairs(asked) do
    if not one.places then
      one.ready = wrk.format(one.method, one.path, one.headers, one.body)
    end
  end
  if args[2] == "check" then
    response = function(status, _, body)
      if status ~= 200 or body:find('"errors"', 1, true) or not body:find(asked.must, 1, true) then
        bad = bad + 1
        worst = status .. " " .. body:sub(1, 300)
      end
    end
  end
end

function request()
  count = count + 1
  local one = asked[count % #asked + 1]
  if one.ready then
    return one.ready
  end
  -- Always as many digits, so that all answers are of a size.
  local body = string.format(one.body, 100000 + count % 99991, 10000 + count % 7919, nonce .. count)
  return wrk.format(one.method, one.path, one.headers, body)
end

function done(summary, latency)
  local wrong, last = 0, ""
  for _, thread in ipairs(threads) do
    wrong = wrong + thread:get("bad")
    last = thread:get("worst") ~= "" and thread:get("worst") or last
  end
  local errors = summary.errors
  print(string.format("measured %d %d %d %d %d %d %d %d", summary.requests, summary.duration, summary.bytes,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout, wrong,
    latency:percentile(50), latency:percentile(99)))
  print("wrong " .. last)
end
