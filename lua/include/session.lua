--- Makes a change that is sent twice take effect once. A client numbers its requests within sessions; a session serves
--- one call at a time. The hash of a client's sessions holds the last request number of each, and the answer to it.
--- A session's name begins with the time at which the client began its sessions, which is the field `begun`.
--- If that is another time, or gone, the server has forgotten its answers: it then answers NOSESSION and does nothing.
local function earlier_answer(sessions, session, request_number)
  local last = redis.call('HGET', sessions, session)
  if last then
    local last_number, number = tonumber(string.match(last, '^%d+')), tonumber(request_number)
    if last_number == number then
      return string.sub(last, #request_number + 2)
    elseif last_number > number then
      return redis.error_reply('LATE its caller has an answer to this request')
    end
  elseif redis.call('HGET', sessions, 'begun') ~= string.match(session, '^%d+') then
    return 'NOSESSION'
  end
end

--- Keeps the answer to a request, which is text, and returns it. It is kept also where nothing was changed: a copy of
--- the request may still arrive, and must not act then.
local function answer(sessions, session, request_number, reply, is_unchanged)
  if is_unchanged then
    -- A write that full memory does not refuse, and after which it does not refuse the next either.
    redis.call('HDEL', sessions, 'none')
  end
  redis.call('HSET', sessions, session, request_number .. ' ' .. reply)
  return reply
end
