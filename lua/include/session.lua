--- What makes a change that is sent twice run once. A client numbers its requests in sessions; a session serves one
--- call at a time. The hash of a client's sessions holds the last request number of each, and the answer to it.
--- A session's name begins with the moment at which the client's sessions were begun, which is the field `begun`.
--- Where that is another moment, or gone, the server has forgotten what it had answered: it then answers NOSESSION
--- and does nothing.
local function answered(sessions, session, request_number)
  local number, reply = string.match(redis.call('HGET', sessions, session) or '', '^(%d+) (%w+)$')
  if number == request_number then
    return tonumber(reply) or reply
  elseif not number then
    if redis.call('HGET', sessions, 'begun') ~= string.match(session, '^%d+') then
      return 'NOSESSION'
    end
  elseif tonumber(number) > tonumber(request_number) then
    return redis.error_reply('LATE its caller has an answer to this request')
  end
end

--- Keeps the reply to a request, and returns it: a number, or a text of letters.
--- Replies that changed nothing are kept as well: a copy of the request may still arrive, and must not act then.
local function answer(sessions, session, request_number, reply)
  local changed = reply ~= 0 and (tonumber(reply) or string.find(reply, 'y', 1, true))
  if not changed then
    -- A write that full memory does not refuse, and after which it does not refuse the next either.
    redis.call('HDEL', sessions, 'none')
  end
  redis.call('HSET', sessions, session, request_number .. ' ' .. reply)
  return reply
end
