-- Another client: asks for one object, waits, asks again. `wrk ... URL -- TOKEN MILLISECONDS`
require "said"

function init(args)
  wrk.headers["Authorization"] = "Bearer " .. args[1]
  pause = tonumber(args[2])
end

function delay() return pause end
