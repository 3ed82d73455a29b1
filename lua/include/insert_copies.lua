--- Inserts orders of one stream as another store has them: with their sequence numbers and status. In `words`, from
--- `first` on, each has its order id, user id, record, sequence number, '1' for paused or '0', and its deadline or ''. What
--- is placed later comes behind `last_number`, the last that the other store assigned, '0' for none.
--- On Redis Cluster the directory is nil: an id is claimed in another slot. The first write is one that full memory
--- refuses: so it refuses all.
--- @include "stream_key"
local function insert_copies(namespace, directory, sequence, stream, last_number, words, first)
  local prefix = stream_key(namespace, stream, '')
  local placed, records, paused, users, entries, due = {}, {}, {}, {}, {}, {}
  for at = first, #words, 6 do
    local order_id, user_id, record, number, is_paused, deadline = unpack(words, at, at + 5)
    local last = #placed
    placed[last + 1], placed[last + 2] = number, order_id
    records[last + 1], records[last + 2] = order_id, record
    entries[last + 1], entries[last + 2] = order_id, stream
    users[user_id] = users[user_id] or {}
    table.insert(users[user_id], order_id)
    if deadline ~= '' then
      due[#due + 1], due[#due + 2] = deadline, 'o:' .. order_id
    end
    if is_paused == '1' then
      paused[#paused + 1] = order_id
    end
  end
  if last_number ~= '0' then
    redis.call('SET', sequence, last_number)
  end
  if #placed == 0 then
    return
  end
  redis.call('ZADD', prefix .. 'placed', unpack(placed))
  redis.call('HSET', prefix .. 'orders', unpack(records))
  if #paused > 0 then
    redis.call('SADD', prefix .. 'paused', unpack(paused))
  end
  if #due > 0 then
    redis.call('ZADD', prefix .. 'due', unpack(due))
  end
  for user_id, order_ids in pairs(users) do
    redis.call('SADD', prefix .. 'user:' .. user_id, unpack(order_ids))
  end
  if directory then
    redis.call('HSET', directory, unpack(entries))
  end
end
