--- Reads, at one moment, what each key says of some orders, for a check that all keys agree.
--- KEYS: orders placed paused due directory (without the last on Redis Cluster, where it is in another slot)
--- ARGV: namespace stream found_with (a user in whose set the ids stand, or '') order_ids... (any number)
--- REPLY: a list by id of {record, sequence number, 1 paused or 0, 1 in its user's set or 0, 1 in found_with's set or 0,
--- entry in the directory, deadline in due}, nil for what is not there
--- @include "stream_key"
--- @include "user_of"
local orders, placed, paused, due, directory = unpack(KEYS)
local namespace, stream, found_with = unpack(ARGV, 1, 3)
local order_ids = {unpack(ARGV, 4)}

local function in_set_of(user, order_id)
  return redis.call('SISMEMBER', stream_key(namespace, stream, 'user:' .. user), order_id)
end

local reply = {}
for i, order_id in ipairs(order_ids) do
  local record = redis.call('HGET', orders, order_id)
  local user = record and user_of(record)
  reply[i] = {
    record,
    redis.call('ZSCORE', placed, order_id),
    redis.call('SISMEMBER', paused, order_id),
    user and in_set_of(user, order_id) or 0,
    in_set_of(found_with, order_id),
    directory and redis.call('HGET', directory, order_id) or false,
    redis.call('ZSCORE', due, 'o:' .. order_id),
  }
end
return reply
