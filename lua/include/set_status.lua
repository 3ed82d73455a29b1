--- Adds orders to the paused with SADD, or removes them with SREM, one after the other. Returns a text with 'y' for
--- each whose status changed, and 'n' for each that is not live, not of the owner, or had that status already; and
--- whether all are 'n'. `words` has the order ids from `first` on.
--- @include "stream_of"
local function set_status(command, namespace, directory, owner, words, first)
  local answers, is_unchanged = {}, true
  for at = first, #words do
    local stream = stream_of(directory, namespace, words[at], owner)
    if stream and redis.call(command, stream_key(namespace, stream, 'paused'), words[at]) == 1 then
      answers[#answers + 1], is_unchanged = 'y', false
    else
      answers[#answers + 1] = 'n'
    end
  end
  return table.concat(answers), is_unchanged
end
