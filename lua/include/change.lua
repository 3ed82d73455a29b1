--- The answer to a change that must not be carried out: it was answered before; or the namespace has other settings
--- than its caller knows, who could else split a user over two streams. To compare num_streams is not enough: 3, 4, 3
--- would look like no change.
--- @include "session"
local function answer_without_change(sessions, config, session, request_number, epoch)
  local earlier = earlier_answer(sessions, session, request_number)
  if earlier then
    return earlier
  elseif redis.call('HGET', config, 'epoch') ~= epoch then
    return answer(sessions, session, request_number, 'STALE', true)
  end
end
