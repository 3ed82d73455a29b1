--- Makes all keys of a stream agree with the record of an order that is to be in it, and adds what is missing. Returns
--- what was mended, in words. Where the order is not there yet, or its number changes, the feed says all of it again.
--- All that is added comes first: full memory then refuses all.
--- @include "stream_key"
--- @include "next_sequence"
--- @include "is_whole"
--- @include "announce_order"

--- `order` has its id, user_id, record, deadline or '', the `number` and `is_paused` that it had in another stream, or ''
--- ('new' for another number), sets (user ids in whose sets it may be by mistake), is_new and is_announced.
local function keep_order(namespace, stream, sequence, order, is_dry)
  local prefix, id, done = stream_key(namespace, stream, ''), order.id, {}
  local number = redis.call('ZSCORE', prefix .. 'placed', id)
  local user, due = prefix .. 'user:' .. order.user_id, redis.call('ZSCORE', prefix .. 'due', 'o:' .. id)
  local was_listed = is_whole(number) and order.number ~= 'new'
  local is_member, wrong_sets = redis.call('SISMEMBER', user, id) == 1, {}
  local is_due_right = tonumber(due or '') == tonumber(order.deadline)
  for _, user_id in ipairs(order.sets) do
    if redis.call('SISMEMBER', prefix .. 'user:' .. user_id, id) == 1 then
      wrong_sets[#wrong_sets + 1] = prefix .. 'user:' .. user_id
    end
  end
  for word, is_wrong in pairs({placed = not was_listed, user = not is_member, due = not is_due_right,
      sets = #wrong_sets > 0, joined = order.is_new}) do
    if is_wrong then
      done[#done + 1] = word
    end
  end
  if is_dry then
    return done
  end
  if not was_listed then
    local is_known = order.number ~= '' and order.number ~= 'new'
    number = is_known and order.number or next_sequence(sequence, 1)
    redis.call('ZADD', prefix .. 'placed', number, id)
    if is_known and order.is_paused == '1' then
      redis.call('SADD', prefix .. 'paused', id)
    end
  end
  if order.is_new then
    redis.call('HSET', prefix .. 'orders', id, order.record)
  end
  if not is_member then
    redis.call('SADD', user, id)
  end
  if not is_due_right and order.deadline ~= '' then
    redis.call('ZADD', prefix .. 'due', order.deadline, 'o:' .. id)
  elseif not is_due_right then
    redis.call('ZREM', prefix .. 'due', 'o:' .. id)
  end
  for _, set in ipairs(wrong_sets) do
    redis.call('SREM', set, id)
  end
  if not was_listed or order.is_new or order.is_announced then
    announce_order(namespace, stream, order, number)
  end
  return done
end
