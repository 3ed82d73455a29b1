--- Looks up some orders in the directory. Returns a table of lists of their ids by stream, a table of where each of
--- these ids comes first, and a list of answers, each 'n' until something is done. What is to be done to many orders is
--- sent once a key, because most of a short command's time is in the call. `words` has the ids from `first` on; they
--- must fit Lua's stack, which has room for 7,000.
local function order_ids_by_stream(directory, words, first)
  local by_stream, index_of, answers = {}, {}, {}
  for i, stream in ipairs(redis.call('HMGET', directory, unpack(words, first))) do
    local order_id = words[first + i - 1]
    answers[i] = 'n'
    if stream and not index_of[order_id] then
      local order_ids = by_stream[stream] or {}
      order_ids[#order_ids + 1] = order_id
      by_stream[stream], index_of[order_id] = order_ids, i
    end
  end
  return by_stream, index_of, answers
end
