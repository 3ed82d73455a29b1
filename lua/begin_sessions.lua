--- Begins the sessions of a client, or keeps them for longer; refuses a user who may not run all that a change runs.
--- The server checks at the start of a script that the user may use its KEYS: so there is one here of each kind.
--- KEYS: sessions probe declared... (a key of each kind)
--- ARGV: seconds (for how long they are kept)
--- REPLY: when they were begun, in microseconds since 1970
--- @include "clock"
local sessions, probe = unpack(KEYS, 1, 2)
local seconds = unpack(ARGV)

-- It begins with a command that full memory does not refuse, and after which it does not refuse the others either.
local needed = {
  {'DEL', probe}, {'SET', probe, '1'}, {'GET', probe}, {'INCR', probe}, {'DEL', probe}, {'HSETNX', probe, 'a', '1'},
  {'HSET', probe, 'a', '1'}, {'HGET', probe, 'a'}, {'HMGET', probe, 'a'},
  {'HDEL', probe, 'a'}, {'SADD', probe, 'a'}, {'SISMEMBER', probe, 'a'}, {'SMEMBERS', probe}, {'SREM', probe, 'a'},
  {'ZADD', probe, '1', 'a'}, {'ZREM', probe, 'a'}, {'XADD', probe, '*', 'n', '1'},
  {'XTRIM', probe, 'MAXLEN', '~', '1'}, {'DEL', probe}, {'TIME'}, {'EXPIRE', probe, '1'}, {'EXISTS', probe},
  {'SMISMEMBER', probe, 'a'}, {'HINCRBY', probe, 'a', '1'}, {'HEXISTS', probe, 'a'}, {'UNLINK', probe},
  {'ZCARD', probe}, {'ZRANGE', probe, '0', '0'},
  {'ZCOUNT', probe, '0', '0'}, {'ZRANGEBYSCORE', probe, '0', '0'}, {'ZSCORE', probe, 'a'},
}
local begun = redis.pcall('HGET', sessions, 'begun')
if type(begun) ~= 'string' then
  for _, command in ipairs(needed) do
    local reply = redis.pcall(unpack(command))
    if type(reply) == 'table' and reply.err then
      redis.pcall('DEL', probe)
      return redis.error_reply(reply.err .. ' (changes need ' .. command[1] .. '; nothing was done)')
    end
  end
  begun = clock_text()
  redis.call('HSET', sessions, 'begun', begun)
end
redis.call('EXPIRE', sessions, seconds)
return begun
