--- Gathers what a command is to be given, by key, and sends it once a key: most of a short command's time is in the
--- call. A key's words must fit Lua's stack, that is 7,000 of them.
local function gathered()
  local words_of = {}

  local function add(key, ...)
    local words = words_of[key]
    if not words then
      words = {}
      words_of[key] = words
    end
    for i = 1, select('#', ...) do
      words[#words + 1] = (select(i, ...))
    end
  end

  local function send(command)
    for key, words in pairs(words_of) do
      redis.call(command, key, unpack(words))
    end
  end

  return {add = add, send = send}
end
