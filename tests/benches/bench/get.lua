-- Another client: asks for one object, waits, asks again. `wrk ... URL -- TOKEN MILLISECONDS`
function init(args)
  wrk.headers["Authorization"] = "Bearer " .. args[1]
  pause = tonumber(args[2])
end

function delay() return pause end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format('{"requests":%d,"seconds":%f,"failed":%d,"p50":%f,"p99":%f}\n', summary.requests,
    summary.duration / 1e6, errors.status + errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
