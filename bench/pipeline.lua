-- For wrk: sixteen requests in one write. `wrk -s bench/pipeline.lua http://127.0.0.1:PORT PATH`.
-- bench/run uses bench/tools/load for this row: above some 200,000 answers a second wrk itself is
-- the limit. The script is for checking that figure with a tool that everybody has.

local depth = 16
local batch

init = function(arguments)
    local requests = {}
    for index = 1, depth do
        requests[index] = wrk.format("GET", arguments[1] or wrk.path)
    end
    batch = table.concat(requests)
end

request = function()
    return batch
end
