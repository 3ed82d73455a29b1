--- Makes all keys of one stream agree about one order, if its record and its entry still are what the caller saw.
--- Either the record is the truth, and the other keys follow it, or nothing of the order stays in the stream. May run twice.
--- KEYS: config sequence fence declared... (orders, placed, paused, due, records aside, changes, changed, users' sets, and
--- on one server the directory)
--- ARGV: epoch feed timed namespace is_dry ('1' only says what would be done) stream directory (its key; '' to
--- leave it) entry (what it says, or '') new_entry (what it is to say, or '') order_id seen (its record in the
--- stream, or '') record (the one that it is to have, '' to be gone) user_id deadline number is_paused (what it was in another
--- stream; where it is to be gone, as the caller saw it) op announced
--- ('1' for the feed to say all of the order again) sets... (the other users in whose sets it was found)
--- REPLY: words for what was mended: placed user due sets joined record paused entry; 'CHANGED' it is not as the caller
--- saw it; 'STALE'
--- @include "settings"
--- @include "keep_order"
--- @include "clear_order"
local config, sequence, fence = unpack(KEYS, 1, 3)
local epoch, feed, timed, namespace, is_dry, stream, directory, entry, new_entry, order_id, seen, record, user_id,
  deadline, number, is_paused, op, announced = unpack(ARGV, 1, 18)
local sets = {unpack(ARGV, 19)}

if has_other_settings(config, epoch) then
  return 'STALE'
end
local is_new = seen == '' and record ~= ''
if (redis.call('HGET', stream_key(namespace, stream, 'orders'), order_id) or '') ~= seen
  or directory ~= '' and (redis.call('HGET', directory, order_id) or '') ~= entry
  or record == '' and is_paused ~= ''
    and redis.call('SISMEMBER', stream_key(namespace, stream, 'paused'), order_id) ~= tonumber(is_paused)
  or is_new and redis.call('EXISTS', fence) == 1 then
  return 'CHANGED'
end
feed_length = feed
is_dry = is_dry == '1'
local done
if record ~= '' then
  done = keep_order(namespace, stream, sequence, {id = order_id, record = record, user_id = user_id,
    deadline = deadline, number = number, is_paused = is_paused, sets = sets, is_new = is_new,
    is_announced = announced == '1'}, is_dry)
else
  done = clear_order(namespace, stream, {id = order_id, record = seen, user_id = user_id, sets = sets, op = op}, is_dry)
end
if directory ~= '' and entry ~= new_entry then
  done[#done + 1] = 'entry'
  if not is_dry and new_entry ~= '' then
    redis.call('HSET', directory, order_id, new_entry)
  elseif not is_dry then
    redis.call('HDEL', directory, order_id)
  end
end
table.sort(done)
return done
