-- A small disk, which can be full: a tmpfs where this process may mount one; else a folder, and nothing to fill.

local lfs = require "lfs"

local disk = {}

local Disk = {}
Disk.__index = Disk

-- Most of it at once, the rest page by page: the last ones cannot be had otherwise.
local FILL = [[exec 2>/dev/null; set -- $(stat -f -c "%%a %%S" %s) %d
  [ $1 -le 8 ] || fallocate -l $((($1 - 8) * $2)) %s/filler ||
  dd if=/dev/zero bs=$2 count=$(($1 - 8)) of=%s/filler
  dd if=/dev/zero bs=$2 count=$((8 - $3)) of=%s/filler oflag=append conv=notrunc]]

--- Fills it but for so many pages, at once; never a disk that others have, too.
function Disk:fill(pages)
  if self.is_small then os.execute(FILL:format(self.path, pages, self.path, self.path, self.path)) end
end

--- Frees what `fill` took.
function Disk:free() os.remove(self.path .. "/filler") end

function Disk:stop()
  if self.is_small then os.execute("umount " .. self.path) end
  os.execute("rm -rf " .. self.path)
end

--- Makes one of so many MiB. `is_small`: whether it can be full.
function disk.make(size)
  local path = os.tmpname()
  os.remove(path)
  assert(lfs.mkdir(path))
  local mounted = os.execute(("mount -t tmpfs -o size=%dm,mode=755 tmpfs %s 2>/dev/null"):format(size, path))
  return setmetatable({ path = path, is_small = mounted == true or mounted == 0 }, Disk)
end

return disk
