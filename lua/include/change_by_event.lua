--- Does what an event asks for to one live order of its user. Returns the answer of the call of that name; or an error
--- where the record of the order cannot be read.
--- @include "set_status_in_stream"
--- @include "record_in_stream"
--- @include "amend_order"
--- @include "remove_orders"
--- @include "reduce_order"
local MOST_DIGITS = 100
local STATUS_COMMANDS = {pause = 'SADD', resume = 'SREM'}

local function change_by_event(namespace, directory, stream, event)
  local op, order_id = event.op, event.order_id
  if STATUS_COMMANDS[op] then
    return (set_status_in_stream(STATUS_COMMANDS[op], namespace, stream, event.user_id, {order_id}))
  end
  local record = record_in_stream(namespace, stream, event.user_id, order_id)
  if not record then
    return 'n'
  elseif op == 'cancel' then
    remove_order(namespace, directory, stream, order_id, event.user_id, 'cancel')
    return 'y'
  elseif op == 'amend' then
    return (amend_order(namespace, stream, order_id, record, event.amount or '', event.price or '',
      event.expected_amount or '', event.expected_price or ''))
  end
  return (reduce_order(namespace, directory, stream, order_id, record, event.by, MOST_DIGITS))
end
