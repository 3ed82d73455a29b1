--- Adds orders to the paused with SADD, or removes them with SREM, one after the other. `words` has their ids from
--- `first` on. Returns a text with 'y' for each whose status changed, and 'n' for each that is not live, not of the
--- owner, or had that status already; and whether nothing was written yet, not even a command without an effect.
--- A person may have left an entry of the directory without its order: before SADD, the order itself is looked for.
--- @include "stream_key"
--- @include "order_ids_by_stream"
local function set_status(command, namespace, directory, owner, words, first)
  if #words == first then -- without the tables that many need
    local order_id = words[first]
    local stream = redis.call('HGET', directory, order_id)
    local prefix = stream and stream_key(namespace, stream, '')
    local is_live = stream and 1 or 0
    if stream and owner ~= '' then
      is_live = redis.call('SISMEMBER', prefix .. 'user:' .. owner, order_id)
    elseif stream and command == 'SADD' then
      is_live = redis.call('HEXISTS', prefix .. 'orders', order_id)
    end
    if is_live == 0 then
      return 'n', true
    end
    return redis.call(command, prefix .. 'paused', order_id) == 1 and 'y' or 'n', false
  end

  local by_stream, index_of = order_ids_by_stream(directory, words, first)
  local answers, is_unwritten = {}, true
  for i = 1, #words - first + 1 do
    answers[i] = 'n'
  end
  local old_status = command == 'SADD' and 0 or 1
  for stream, order_ids in pairs(by_stream) do
    local prefix = stream_key(namespace, stream, '')
    local is_paused = redis.call('SMISMEMBER', prefix .. 'paused', unpack(order_ids))
    local is_live = order_ids -- of each order something other than false and 0: what is paused is live
    if owner ~= '' then
      is_live = redis.call('SMISMEMBER', prefix .. 'user:' .. owner, unpack(order_ids))
    elseif command == 'SADD' then
      is_live = redis.call('HMGET', prefix .. 'orders', unpack(order_ids))
    end
    local changed = {}
    for i, order_id in ipairs(order_ids) do
      if is_paused[i] == old_status and is_live[i] and is_live[i] ~= 0 then
        changed[#changed + 1] = order_id
        answers[index_of[order_id]] = 'y'
      end
    end
    if #changed > 0 then
      redis.call(command, prefix .. 'paused', unpack(changed))
      is_unwritten = false
    end
  end
  return table.concat(answers), is_unwritten
end
