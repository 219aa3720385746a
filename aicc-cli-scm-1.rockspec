rockspec_format = "3.0"
package = "aicc-cli"
version = "scm-1"

source = { url = "git+https://git.example.org/aicc.git" } -- `luarocks make`, in a checkout, does not read it

description = {
  summary = "The command aicc: unbinds agents from skill queues in bulk, in jobs that survive anything",
  detailed = "Plan, apply, report, resume and undo. Jobs are kept in SQLite, or in PostgreSQL (luadbi-postgresql) to share them.",
  license = "MIT",
  labels = { "http", "cloud", "commandline" },
}

dependencies = { "lua >= 5.1, < 5.5", "aicc", "argparse >= 0.7", "luadbi-sqlite3 >= 0.7" }

build = { -- by the Makefile: see aicc-scm-1.rockspec
  type = "make",
  build_pass = false,
  install_target = "install-cli-modules",
  variables = { LUADIR = "$(LUADIR)" },
  install = { bin = { aicc = "bin/aicc" } },
  copy_directories = {},
}
