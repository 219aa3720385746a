rockspec_format = "3.0"
package = "aicc"
version = "0.1.0-1"

source = { url = "git+https://git.example.org/aicc.git", tag = "v0.1.0" }

description = {
  summary = "Client for Huawei Cloud's contact-centre API: unbinds agents from skill queues",
  detailed = "A C module speaks to the API through libcurl; Lua wrappers add tokens, retries and concurrency.",
  license = "MIT",
  homepage = "https://git.example.org/aicc",
  issues_url = "https://git.example.org/aicc/issues",
  maintainer = "aicc contributors",
  labels = { "http", "cloud", "libcurl" },
}

dependencies = { "lua >= 5.1, < 5.6", "lua-cjson >= 2.1.0" }
external_dependencies = { CURL = { library = "curl" } }

-- Built by the Makefile, so that every way to install gives the same modules, compiled with the same flags. (LuaRocks' own
-- builder would also copy the whole of lua/ into each rock.)
build = {
  type = "make",
  build_target = "library",
  install_target = "install-library",
  variables = {
    BUILD = "build/rock$(LUA_INCDIR)", -- objects for one Lua are of no use to another
    LUA_INCDIR = "$(LUA_INCDIR)",
    LUADIR = "$(LUADIR)",
    LIBDIR = "$(LIBDIR)",
    CPPFLAGS = "-I$(CURL_INCDIR)",
    LDFLAGS = "-L$(CURL_LIBDIR)",
  },
  copy_directories = {}, -- README and LICENSE come by themselves
}

test = { type = "command", script = "spec/rock.lua" }
