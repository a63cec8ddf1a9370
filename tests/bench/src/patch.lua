-- The engine's PATCH, as fast as it goes. `wrk ... URL -- TOKEN SECRETS NAMESPACES ANNOTATION STAMP`
-- Each thread begins elsewhere, so that no two write the same Secret, and each request writes another value.
require "said"

local threads = 0

function setup(thread)
  thread:set("id", threads)
  threads = threads + 1
end

function init(args)
  wrk.headers["Authorization"] = "Bearer " .. args[1]
  wrk.headers["Accept"] = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
  wrk.headers["Content-Type"] = "application/merge-patch+json"
  secrets, namespaces = tonumber(args[2]), tonumber(args[3])
  body = '{"metadata":{"annotations":{"' .. args[4] .. '":"' .. args[5] .. '-'
  count = id * math.floor(secrets / 2)
end

function request()
  local secret = count % secrets
  count = count + 1
  return wrk.format("PATCH", string.format("/api/v1/namespaces/seed-%d/secrets/secret-%d?&fieldManager=eks-encrypt",
    secret % namespaces, secret), nil, body .. count .. '"}}}')
end
