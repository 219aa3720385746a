rockspec_format = "3.0"
package = "aicc-cli"
version = "scm-1"

source = { url = "git+https://git.example.org/aicc.git" }

description = {
  summary = "The command aicc: unbinds agents from skill queues in bulk, in jobs that go on where they were interrupted",
  detailed = "Plan, apply, report, resume and undo. Jobs are kept in SQLite, or in PostgreSQL (luadbi-postgresql) to share them.",
  license = "MIT",
  homepage = "https://git.example.org/aicc",
  issues_url = "https://git.example.org/aicc/issues",
  maintainer = "aicc contributors",
  labels = { "http", "cloud", "commandline" },
}

dependencies = { "lua >= 5.1, < 5.6", "aicc", "argparse >= 0.7", "luadbi-sqlite3 >= 0.7" }

build = { -- by the Makefile: see aicc's rockspec
  type = "make",
  build_pass = false,
  install_target = "install-cli-modules",
  variables = { LUADIR = "$(LUADIR)" },
  install = { bin = { aicc = "bin/aicc" } },
  copy_directories = {}, -- README and LICENSE come by themselves
}

test = { type = "command", script = "spec/rock.lua" }
