--- Makes a change that is sent twice take effect once. A client numbers its requests within sessions; a session serves
--- one call at a time. The hash of a client's sessions holds the last request number of each, and the answer to it.
--- A session's name begins with the time at which the client began its sessions, which is the field `begun`.
--- If that is another time, or gone, the server has forgotten its answers: it then answers NOSESSION and does nothing.
local function earlier_answer(sessions, session, request_number)
  local number, reply = string.match(redis.call('HGET', sessions, session) or '', '^(%d+) (.*)$')
  if number == request_number then
    return reply
  elseif not number then
    if redis.call('HGET', sessions, 'begun') ~= string.match(session, '^%d+') then
      return 'NOSESSION'
    end
  elseif tonumber(number) > tonumber(request_number) then
    return redis.error_reply('LATE its caller has an answer to this request')
  end
end

--- Keeps the answer to a request, which is text, and returns it.
local function answer(sessions, session, request_number, reply)
  redis.call('HSET', sessions, session, request_number .. ' ' .. reply)
  return reply
end

--- The same where the request changed nothing: a copy of it may still arrive, and must not act then.
local function answer_unchanged(sessions, session, request_number, reply)
  -- A write that full memory does not refuse, and after which it does not refuse the next either.
  redis.call('HDEL', sessions, 'none')
  return answer(sessions, session, request_number, reply)
end
