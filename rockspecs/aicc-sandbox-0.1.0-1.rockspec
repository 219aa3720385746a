rockspec_format = "3.0"
package = "aicc-sandbox"
version = "0.1.0-1"

source = { url = "git+https://git.example.org/aicc.git", tag = "v0.1.0" }

description = {
  summary = "The contact-centre API on a loopback port, in this process, for trying and testing aicc",
  detailed = "Serves the API that aicc speaks, over HTTP or HTTPS, with state to look at and faults to script.",
  license = "MIT",
  homepage = "https://git.example.org/aicc",
  issues_url = "https://git.example.org/aicc/issues",
  maintainer = "aicc contributors",
  labels = { "http", "test" },
}

dependencies = { "lua >= 5.1, < 5.6", "lua-cjson >= 2.1.0", "aicc == 0.1.0" }
external_dependencies = { MICROHTTPD = { library = "microhttpd" }, GNUTLS = { library = "gnutls" } }

build = { -- by the Makefile: see aicc's rockspec
  type = "make",
  build_target = "sandbox",
  install_target = "install-sandbox",
  variables = {
    BUILD = "build/rock$(LUA_INCDIR)",
    LUA_INCDIR = "$(LUA_INCDIR)",
    LUADIR = "$(LUADIR)",
    LIBDIR = "$(LIBDIR)",
    CPPFLAGS = "-I$(MICROHTTPD_INCDIR) -I$(GNUTLS_INCDIR)",
    LDFLAGS = "-L$(MICROHTTPD_LIBDIR) -L$(GNUTLS_LIBDIR)",
  },
  copy_directories = {}, -- README and LICENSE come by themselves
}

test = { type = "command", script = "spec/rock.lua" }
