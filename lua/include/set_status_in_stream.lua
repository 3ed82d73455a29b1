--- Adds orders of one stream to the paused with SADD, or removes them with SREM, one after the other. Returns a text with
--- 'y' for each whose status changed, and 'n' for each that is not live, not of the owner, or had that status already;
--- and whether nothing was written.
--- @include "stream_key"
--- @include "record_status"
local function set_status_in_stream(command, namespace, stream, owner, order_ids)
  local prefix = stream_key(namespace, stream, '')
  local is_live = redis.call('ZMSCORE', prefix .. 'placed', unpack(order_ids))
  local is_paused = redis.call('SMISMEMBER', prefix .. 'paused', unpack(order_ids))
  local is_theirs = owner ~= '' and redis.call('SMISMEMBER', prefix .. 'user:' .. owner, unpack(order_ids))
  local old_status = command == 'SADD' and 0 or 1
  local answers, changed, seen = {}, {}, {}
  for i, order_id in ipairs(order_ids) do
    answers[i] = 'n'
    if is_live[i] and is_paused[i] == old_status and (owner == '' or is_theirs[i] == 1) and not seen[order_id] then
      answers[i], seen[order_id] = 'y', true
      changed[#changed + 1] = order_id
    end
  end
  if #changed > 0 then
    redis.call(command, prefix .. 'paused', unpack(changed))
    if feed_length ~= '' then
      record_status(command, namespace, stream, changed)
    end
  end
  return table.concat(answers), #changed == 0
end
