--- Adds orders to the paused with SADD, or removes them with SREM, one after the other. `words` has their ids from
--- `first` on. Returns a text with 'y' for each whose status changed, and 'n' for each that is not live, not of the
--- owner, or had that status already, or what due_reply says; and whether nothing was written.
--- @include "stream_key"
--- @include "record_status"
--- @include "order_ids_by_stream"
--- @include "due_reply_of_any"
local function set_status_of_many(command, namespace, directory, owner, words, first)
  local by_stream, index_of, answers = order_ids_by_stream(directory, words, first)
  local due = due_reply_of_any(namespace, by_stream)
  if due then
    return due, true
  end
  local is_unwritten = true
  local old_status = command == 'SADD' and 0 or 1
  for stream, order_ids in pairs(by_stream) do
    local prefix = stream_key(namespace, stream, '')
    local is_paused = redis.call('SMISMEMBER', prefix .. 'paused', unpack(order_ids))
    local is_theirs = owner ~= '' and redis.call('SMISMEMBER', prefix .. 'user:' .. owner, unpack(order_ids))
    local changed = {}
    for i, order_id in ipairs(order_ids) do
      if is_paused[i] == old_status and (owner == '' or is_theirs[i] == 1) then
        changed[#changed + 1] = order_id
        answers[index_of[order_id]] = 'y'
      end
    end
    if #changed > 0 then
      redis.call(command, prefix .. 'paused', unpack(changed))
      if feed_length ~= '' then
        record_status(command, namespace, stream, changed)
      end
      is_unwritten = false
    end
  end
  return table.concat(answers), is_unwritten
end
