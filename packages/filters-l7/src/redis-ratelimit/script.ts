/**
 * The decision, in one script: Redis runs it alone and by its own clock, so that all proxies together admit what one would. All limits of a request are looked at
 * first; tokens are taken of all of them or of none. A bucket is "what is missing, and when that was so", and is gone from Redis once it is full.
 */

/** Words of ARGV for each key: algorithm, bucket size, tokens of a fill, microseconds between fills, cost. */
export const ARGUMENTS_PER_KEY = 5;
/** Words of the answer for each key: whether its limit admits, tokens left, microseconds to wait, and until it is full. */
export const ANSWERS_PER_KEY = 4;

// Time begins late, so that microseconds stay exact in a double.
export const SCRIPT = `
local time = redis.call('TIME')
local now = (tonumber(time[1]) - 1700000000) * 1000000 + tonumber(time[2])
local all = 1
local state = {}
for i = 1, #KEYS do
  local at = (i - 1) * ${ARGUMENTS_PER_KEY}
  local kind = ARGV[at + 1]
  local size, fill, interval, cost = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5])
  local missing, last = 0, now
  local stored = redis.call('GET', KEYS[i])
  if stored then
    local a, b = string.match(stored, '^(%S+) (%S+)$')
    missing, last = tonumber(a) or 0, tonumber(b) or now
    if missing > size then missing = size end
    if last > now then last = now end
  end
  if kind == 'gcra' then
    missing = missing - (now - last) * fill / interval
    last = now
  else
    local fills = math.floor((now - last) / interval)
    missing = missing - fills * fill
    last = last + fills * interval
  end
  if missing < 1e-9 then missing, last = 0, now end
  local admits = missing + cost <= size + 1e-6
  if not admits then all = 0 end
  state[i] = { kind, size, fill, interval, cost, missing, last, admits }
end
local answer = {}
for i = 1, #KEYS do
  local kind, size, fill, interval, cost, missing, last, admits = unpack(state[i])
  local wait = 0
  if not admits then
    local short = missing + cost - size
    if kind == 'gcra' then wait = short * interval / fill
    else wait = last + math.ceil(short / fill) * interval - now end
  end
  if all == 1 then missing = missing + cost end
  local full = 0
  if missing > 0 then
    if kind == 'gcra' then full = missing * interval / fill
    else full = last + math.ceil(missing / fill) * interval - now end
  end
  if all == 1 and missing > 0 then
    redis.call('SET', KEYS[i], string.format('%.17g %.17g', missing, last), 'PX', math.ceil(full / 1000) + 1)
  end
  answer[#answer + 1] = admits and 1 or 0
  answer[#answer + 1] = math.floor(size - missing + 1e-6)
  answer[#answer + 1] = math.ceil(wait)
  answer[#answer + 1] = math.ceil(full)
end
return answer
`;
