--- Removes from all keys of a stream what there is of an order that is not to be in it. Returns what was there, in words.
--- A record that goes for good is kept aside. `order` has its id, user_id or '', record or '', sets (user ids in whose
--- sets it may be) and op, what the feed says of it, '' for nothing.
--- @include "stream_key"
--- @include "clock"
--- @include "record_change"
local function clear_order(namespace, stream, order, is_dry)
  local prefix, id, done, sets = stream_key(namespace, stream, ''), order.id, {}, {}
  local is_in = {
    record = order.record ~= '',
    placed = redis.call('ZSCORE', prefix .. 'placed', id),
    paused = redis.call('SISMEMBER', prefix .. 'paused', id) == 1,
    due = redis.call('ZSCORE', prefix .. 'due', 'o:' .. id),
  }
  for _, user_id in ipairs(order.sets) do
    if redis.call('SISMEMBER', prefix .. 'user:' .. user_id, id) == 1 then
      sets[#sets + 1], is_in.user = prefix .. 'user:' .. user_id, true
    end
  end
  for word, is_there in pairs(is_in) do
    if is_there then
      done[#done + 1] = word
    end
  end
  if is_dry or #done == 0 then
    return done
  end
  if is_in.record and order.op ~= 'left' then
    redis.call('HSET', prefix .. 'aside:records', clock_text() .. ' ' .. id, order.record)
  end
  redis.call('HDEL', prefix .. 'orders', id)
  redis.call('ZREM', prefix .. 'placed', id)
  redis.call('SREM', prefix .. 'paused', id)
  redis.call('ZREM', prefix .. 'due', 'o:' .. id)
  for _, set in ipairs(sets) do
    redis.call('SREM', set, id)
  end
  if order.op ~= '' and (is_in.record or is_in.placed or is_in.paused or is_in.user) then
    record_change(namespace, stream, order.op, id, order.user_id)
  end
  return done
end
