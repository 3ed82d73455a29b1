--- Makes a change that is sent twice take effect once. A client numbers its requests within sessions; a session serves
--- one call at a time. The hash of a client's sessions holds the last request number of each, and the answer to it.
--- A session's name begins with the time at which the client began its sessions, which is the field `begun`.
--- If that is another time, or gone, the server has forgotten its answers: it then answers NOSESSION and does nothing.

--- Keeps the answer to a request, which is text, and returns it. It is kept also where nothing was changed: a copy of
--- the request may still arrive, and must not act then.
local function answer(sessions, session, request_number, reply, is_unwritten)
  if is_unwritten then
    -- A write that full memory does not refuse, and after which it does not refuse the next either.
    redis.call('HDEL', sessions, 'none')
  end
  redis.call('HSET', sessions, session, request_number .. ' ' .. reply)
  return reply
end

--- The answer to a request that must not be carried out: it was answered before; or it tells an epoch, and the
--- namespace has other settings than its caller knows, who could else split a user over two streams. To compare
--- num_streams is not enough: 3, 4, 3 would look like no change.
local function answer_without_change(sessions, session, request_number, config, epoch)
  local last = redis.call('HGET', sessions, session)
  if last then
    local space = string.find(last, ' ', 1, true)
    local ahead = string.sub(last, 1, space - 1) - request_number
    if ahead == 0 then
      return string.sub(last, space + 1)
    elseif ahead > 0 then
      return redis.error_reply('LATE its caller has an answer to this request')
    end
  elseif redis.call('HGET', sessions, 'begun') ~= string.match(session, '^%d+') then
    return 'NOSESSION'
  end
  if epoch and redis.call('HGET', config, 'epoch') ~= epoch then
    return answer(sessions, session, request_number, 'STALE', true)
  end
end
