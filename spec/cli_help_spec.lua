-- What the command says to those who are new to it, or mistype: help, and what was probably meant.

local nearest = require "aicc.cli.nearest"
local support = require "spec.support.jobs"

describe("the nearest of several words #lua54", function()
  it("counts letters put in, taken out, replaced and swapped", function()
    for _, case in ipairs {
      { 0, "", "" }, { 0, "apply", "apply" }, { 1, "aply", "apply" }, { 1, "applyy", "apply" }, { 1, "apqly", "apply" },
      { 1, "paply", "apply" }, { 1, "relaese", "release" }, { 2, "aplpyy", "apply" }, { 5, "", "apply" }, { 5, "apply", "" },
      { 3, "kitten", "sitting" },
    } do
      assert.equal(case[1], nearest.distance(case[2], case[3]), case[2])
      assert.equal(case[1], nearest.distance(case[3], case[2]), case[3])
    end
  end)

  it("is near, or it is none", function()
    local names = { "apply", "agent", "agents", "queues", "--format", "--failed" }
    for word, near in pairs {
      aply = "apply", agnets = "agents", agen = "agent agents", qu = "queues", ["--fromat"] = "--format", APPLY = "apply",
      ["--fail"] = "--failed", xyzzy = "", ["--"] = "", [""] = "", ["-"] = "", f = "", [("a"):rep(100000)] = "",
    } do
      assert.equal(near, table.concat(nearest.of(word, names), " "), word:sub(1, 20))
    end
  end)
end)

describe("the command's help #lua54", function()
  local folder

  before_each(function() folder = support.folder() end)
  after_each(support.clean)

  local function run(arguments) return support.run(folder, nil, arguments) end

  it("is `aicc help` too, of a command as its --help", function()
    for topic in ("plan release config help"):gmatch "%l+" do
      local _, expected = run(topic .. " --help")
      assert.same({ 0, expected, "" }, { run("help " .. topic) })
    end
    assert.same({ 0, (select(2, run "--help")), "" }, { run "help" })
  end)

  it("names the defaults that jobs go by, as the man page does", function()
    local defaults, count = require("aicc.jobs.options").DEFAULTS, 0
    local file = assert(io.open "doc/aicc.1")
    local man = file:read "a"
    file:close()
    for _, command in ipairs(require("aicc.cli.parser").build()._commands) do
      for _, option in ipairs(command._options) do
        local default = defaults[option._name:match "^%-%-(.*)"]
        if default then
          count = count + 1
          assert.truthy(option._description:find(("Default: %s."):format(default), 1, true), option._name)
          local words = man:match("\n%.BI \\%-\\%-" .. option._name:sub(3) .. " \" N\"\n([^\n]+)")
          if words then assert.matches(("%%f[%%d]%s by default"):format(default), words) end
        end
      end
    end
    assert.is_true(count >= 9)
  end)

  it("first shows what is done most", function()
    local _, out = run "--help"
    local first = out:match "^Usage: [^\n]+\n\n[^\n]+\n\nWhat is done most:\n(.-)\n\nOptions:"
    for name in ("plan apply status resume report undo release config"):gmatch "%l+" do
      assert.matches("  aicc " .. name .. " ", first)
    end
  end)

  it("says what a mistyped word probably was, and where there is help", function()
    for arguments, message in pairs {
      ["aply night"] = "unknown command 'aply'\nDid you mean apply?\nTry `aicc help`.",
      ["help relaese"] = "unknown command 'relaese'\nDid you mean release?\nTry `aicc help`.",
      ["report night --fromat csv"] = "unknown option '--fromat' of report\nDid you mean --format?\nTry `aicc help report`.",
      ["report night --fromat=csv"] = "unknown option '--fromat' of report\nDid you mean --format?\nTry `aicc help report`.",
      ["apply night --chunk 3"] = "unknown option '--chunk' of apply\n--chunk is for: plan.\nTry `aicc help apply`.",
      ["version"] = "unknown command 'version'\nDid you mean --version?\nTry `aicc help`.",
      ["-v"] = "unknown option '-v'\nDid you mean --version?\nTry `aicc help`.",
      ["--statsu night"] = "unknown option '--statsu'\nDid you mean status?\nTry `aicc help`.",
      ["report night -f csv"] = "unknown option '-f' of report\nDid you mean --failed or --format?\nTry `aicc help report`.",
      ["xyzzy"] = "unknown command 'xyzzy'\nTry `aicc help`.",
      ["plan"] = "expected a file of rows, or --agents with a file of accounts",
      ["bind --skill 3"] = "missing argument 'accounts'\nTry `aicc help bind`.",
    } do
      local status, out, err = run(arguments)
      assert.same({ 2, "", "aicc: " .. message .. "\n" }, { status, out, err }, arguments)
    end
  end)

  it("says of --dry-run that a plan is that, and does nothing", function()
    for arguments, text in pairs {
      ["apply night --dry-run"] = "aicc plan` is that", ["release --skill 3 --all --yes --dry-run"] = "aicc plan` is that",
      ["plan night.csv --dry-run"] = "leave it out, for `aicc plan` is that",
      ["status night --dryrun"] = "`aicc status` only reads",
      ["--dry-run undo night"] = "aicc plan` is that",
    } do
      local status, out, err = run(arguments)
      assert.same({ 2, "" }, { status, out }, arguments)
      assert.is_truthy(err:find(text, 1, true), err)
    end
  end)
end)
