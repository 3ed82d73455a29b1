--- Does what an event asks for to the orders of its user, as the call of that name does. Returns the answer as text; or
--- nil and why it was refused. Of orders that were cancelled it adds the ids to `removed`.
--- On Redis Cluster the directory is nil: an id was claimed, and is released, in other slots. Elsewhere an order is where
--- its entry says, and the user's orders may be in any of `streams`.
--- @include "insert_order"
--- @include "change_by_event"
--- @include "cancel_all"
local function place_by_event(namespace, directory, sequence, stream, event, text, behind)
  -- What is quoted in an id has a backslash before each quote: so the record begins behind the first of these.
  local from = string.find(text, '","user_id":"', 1, true)
  local record = '{' .. string.sub(text, from + 2)
  return insert_order(namespace, directory, sequence, stream, event.order_id, event.user_id, record, '', behind) and 'y' or 'n'
end

local function answer_to_reduce(answer)
  local word = string.match(answer, '^(%u+) ')
  if word then
    return nil, word == 'MORE' and 'exceeded' or 'digits'
  end
  return answer == 'n' and answer or answer .. ' left'
end

local function cancel_all_by_event(namespace, directory, streams, user_id, removed)
  local count = 0
  for _, stream in ipairs(streams) do
    local order_ids = cancel_all(namespace, directory, stream, user_id)
    count = count + #order_ids
    for _, order_id in ipairs(order_ids) do
      removed[#removed + 1] = order_id
    end
  end
  return tostring(count)
end

local function apply_event(namespace, directory, sequence, stream, streams, event, text, removed, behind)
  local op, order_id = event.op, event.order_id
  if op == 'place' then
    return place_by_event(namespace, directory, sequence, stream, event, text, behind)
  elseif op == 'cancel_all_by_user' then
    return cancel_all_by_event(namespace, directory, streams, event.user_id, removed)
  end
  local at = stream
  if directory then
    at = redis.call('HGET', directory, order_id)
  end
  local answer = at and change_by_event(namespace, directory, at, event) or 'n'
  if type(answer) == 'table' then
    return nil, 'unreadable'
  end
  if op == 'cancel' and answer == 'y' or op == 'reduce' and string.find(answer, '^[0.]+$') then
    removed[#removed + 1] = order_id
  end
  if op == 'reduce' then
    return answer_to_reduce(answer)
  end
  return answer
end
