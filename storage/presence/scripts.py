"""What Redis does in one step. Each script is of one book, and what it does is told on the book's channel by itself.

A book has three keys: `states` holds a value for each presence, `generation count key state`; `due` when each has left
unless it is renewed; `of` the presence of each key, which is a session's tab. Whoever joins with the key of one that is
there takes it over in the next generation: from then on the one before can change nothing. A message is
`process id generation count state`, `left id`, or `to key patch`.
"""

from hashlib import sha1
from typing import Final

_COMMON: Final = """
local states, due, of, channel = KEYS[1], KEYS[2], KEYS[3], ARGV[1]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function parts(value)
  return string.match(value, '^(%d+) (%d+) (%S+) (.*)$')
end
local function leave(id)
  local value = redis.call('HGET', states, id)
  if value then
    local _, _, key = parts(value)
    if redis.call('HGET', of, key) == id then redis.call('HDEL', of, key) end
    redis.call('HDEL', states, id)
    redis.call('PUBLISH', channel, 'left ' .. id)
  end
  redis.call('ZREM', due, id)
end
local function sweep()
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', due, '-inf', now)) do leave(id) end
end
local function keep(kept)
  for _, name in ipairs(KEYS) do redis.call('PEXPIRE', name, kept) end
end
local function put(process, id, generation, count, key, state, lease, kept)
  redis.call('HSET', states, id, generation .. ' ' .. count .. ' ' .. key .. ' ' .. state)
  redis.call('HSET', of, key, id)
  redis.call('ZADD', due, now + lease, id)
  keep(kept)
  redis.call('PUBLISH', channel, process .. ' ' .. id .. ' ' .. generation .. ' ' .. count .. ' ' .. state)
end
"""

#: As what the key has become, and everybody who is there; nothing of it when the book is full.
JOIN: Final = (
    _COMMON
    + """
local _, process, id, key, state, lease, kept, limit = unpack(ARGV)
sweep()
local generation, count = '1', '0'
local holder = redis.call('HGET', of, key)
local value = holder and redis.call('HGET', states, holder)
if value then
  id = holder
  generation, count, _, state = parts(value)
  generation = string.format('%d', generation + 1)
elseif redis.call('HLEN', states) >= tonumber(limit) then
  return {}
end
put(process, id, generation, count, key, state, lease, kept)
return {{id, generation, count, state}, redis.call('HGETALL', states)}
"""
)

#: Whether it was still theirs to change. A fresh one has not been in Redis before, and replaces what has its key.
PUT: Final = (
    _COMMON
    + """
local _, process, id, generation, count, key, state, lease, kept, fresh = unpack(ARGV)
local value = redis.call('HGET', states, id)
if value and tonumber((parts(value))) > tonumber(generation) then return 0 end
local holder = redis.call('HGET', of, key)
if holder and holder ~= id then
  if fresh == '0' then return 0 end
  leave(holder)
end
put(process, id, generation, count, key, state, lease, kept)
return 1
"""
)

#: It has left in so many milliseconds, unless somebody takes it over.
LEAVE: Final = (
    _COMMON
    + """
local _, id, generation, grace = unpack(ARGV)
local value = redis.call('HGET', states, id)
if not value or (parts(value)) ~= generation then return 0 end
if grace == '0' then leave(id) else redis.call('ZADD', due, now + grace, id) end
return 1
"""
)

#: Renews those that are given with their generations, and lets those go that nobody has renewed; how many are there,
#: and which of those that were given are not.
TEND: Final = (
    _COMMON
    + """
local lost = {}
for at = 4, #ARGV, 2 do
  local value = redis.call('HGET', states, ARGV[at])
  if value and (parts(value)) == ARGV[at + 1] then
    redis.call('ZADD', due, now + ARGV[2], ARGV[at])
  else
    lost[#lost + 1] = ARGV[at]
  end
end
if #ARGV > 3 then keep(ARGV[3]) end
sweep()
return {redis.call('HLEN', states), lost}
"""
)

#: Everybody who is there.
READ: Final = _COMMON + "sweep() return redis.call('HGETALL', states)"

ALL: Final = (JOIN, PUT, LEAVE, TEND, READ)


def sha(script: str) -> str:
    """What EVALSHA calls it."""
    return sha1(script.encode(), usedforsecurity=False).hexdigest()
