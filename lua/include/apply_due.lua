--- Takes due events off their queue, applies them one after the other, and keeps their outcomes and dead letters. All in
--- one script: so any number of workers may do it, and each event takes effect once.
--- `keys` names the intake's keys. `due` has the id and the time of each event. `apply` does what one
--- asks for: it returns the answer, or nil and why it was refused.
--- @include "stream_key"
--- @include "ids_and_texts"
--- @include "read_event"
--- @include "keep_letters"
--- @include "keep_outcomes"
local function apply_due(keys, namespace, stream, due, watermark, remember, apply)
  local event_ids, texts = ids_and_texts(keys.events, due)
  local outcomes = {}
  -- It begins with commands that full memory does not refuse: what waits is what fills it.
  redis.call('ZREM', keys.waiting, unpack(event_ids))
  redis.call('HDEL', keys.events, unpack(event_ids))
  for i, event_id in ipairs(event_ids) do
    local time, event, answer, reason = due[2 * i], read_event(texts[i]), nil, 'unreadable'
    if event then
      answer, reason = apply(event, texts[i], i)
    end
    if not answer then
      keep_letter(namespace, keys.dead, keys.letters, stream, event_id, time, reason, texts[i] or '')
      answer = 'refused ' .. reason
    elseif event.late then
      answer = answer .. ' late'
    end
    outcomes[2 * i - 1], outcomes[2 * i] = event_id, answer
  end
  keep_outcomes(keys.intake, keys.even_outcomes, keys.odd_outcomes, outcomes, watermark, remember)
  redis.call('HINCRBY', stream_key(namespace, stream, 'intake'), 'applied', #event_ids)
end
