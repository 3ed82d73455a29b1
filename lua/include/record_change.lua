--- Appends a change to the feed of its stream, in the script that makes it: so each change has its entry, and no entry
--- is without its change. The numbers have no gaps. The server picks the ID of an entry, which rises whatever its clock
--- does: so XADD cannot fail behind other writes.
--- @include "stream_key"
local TRIM_EVERY = 100
--- How many entries are kept of each stream, about; '' for no feed. Each script that changes orders sets it first. As an
--- argument all includes would have to hand it on; a function that sets it takes 0.1 us, also where there is no feed.
local feed_length = ''

--- Sequence number, flag and record are those of the order as it is now, where the change says them.
local function record_change(namespace, stream, op, order_id, user_id, sequence, is_paused, record)
  if feed_length == '' then
    return
  end
  local prefix = stream_key(namespace, stream, '')
  local number = redis.call('INCR', prefix .. 'changed')
  -- The same fields in the same order: their names are then stored once for many entries.
  redis.call('XADD', prefix .. 'changes', '*', 'n', number, 'op', op, 'id', order_id, 'user', user_id,
    'sequence', sequence or '', 'paused', is_paused or '', 'order', record or '')
  if number % TRIM_EVERY == 0 then
    redis.call('XTRIM', prefix .. 'changes', 'MAXLEN', '~', feed_length)
  end
end
