--- The script of a report in HTML: shows its rows a page at a time, and searches them.
--
-- Its hash is in the document's Content-Security-Policy: no other script runs there, whatever a name or a message says. It makes
-- text nodes only. Whoever edits it runs the spec (jobs_report_html_spec), which says what the hash is then.
-- @module aicc.jobs.report.script

local M = {}

--- Its SHA-256, as the policy has it.
M.HASH = "sha256-S71/NrW2fXgFh+BNy3Vm1fMfXd1+VG9VXMPSnTuqWvk="

--- The script.
M.TEXT = [=[

(function () {
  "use strict";
  var PAGE = 100, PRINTED = 200, DELAY = 120;
  function get(id) { return document.getElementById(id); }
  function data(element) {
    var value = JSON.parse(element.textContent);
    element.remove();
    return value;
  }

  // A row: line, queue, account, status, code, message, requests, time, undo, its message. Texts that come often are numbers.
  var facts = data(get("facts")), rows = [];
  document.querySelectorAll("script.rows").forEach(function (element) {
    data(element).forEach(function (row) { rows.push(row); });
  });
  function text(value) { return typeof value === "number" ? facts.texts[value] : value || ""; }
  function lower(value) { return value.toLowerCase(); }
  var queues = facts.queues.map(function (queue) { return queue[1] ? queue[0] + " " + queue[1] : String(queue[0]); });
  var queuesFolded = queues.map(lower), textsFolded = facts.texts.map(lower), wordsFolded = facts.words.map(lower);

  var field = get("search"), choice = get("status"), body = get("rows-body"), said = get("found");
  var matching = [], page = 0;

  function folded(value) { return typeof value === "number" ? textsFolded[value] : lower(value || ""); }
  function holds(row, word) {
    return lower(row[2]).indexOf(word) >= 0 || row[1] >= 0 && queuesFolded[row[1]].indexOf(word) >= 0 ||
      folded(row[5]).indexOf(word) >= 0 || folded(row[4]) === word || wordsFolded[row[3]].indexOf(word) >= 0 ||
      row.length > 8 && (folded(row[8]).indexOf(word) >= 0 || folded(row[9]).indexOf(word) >= 0);
  }
  function search() {
    var words = lower(field.value).split(/\s+/).filter(Boolean), status = choice.value === "" ? -1 : Number(choice.value);
    matching = [];
    for (var i = 0; i < rows.length; i++) {
      if ((status < 0 || rows[i][3] === status) && words.every(function (word) { return holds(rows[i], word); })) {
        matching.push(i);
      }
    }
  }

  function cell(line, value, name) {
    var made = document.createElement("td");
    if (name) made.className = name;
    made.textContent = value;
    line.appendChild(made);
    return made;
  }
  function isolated(line, value, name) {
    var made = cell(line, "", name), inner = document.createElement("bdi");
    inner.textContent = value;
    made.appendChild(inner);
  }
  function shown(row) {
    var line = document.createElement("tr");
    cell(line, row[0].toLocaleString("en"), "n");
    isolated(line, row[1] < 0 ? "" : queues[row[1]], "q");
    isolated(line, row[2], "a");
    cell(line, facts.words[row[3]], "s " + facts.classes[row[3]]);
    isolated(line, (text(row[4]) ? text(row[4]) + ": " : "") + text(row[5]), "m");
    cell(line, row[6] ? String(row[6]) : "", "n");
    cell(line, String(row[7] || "").replace("T", " ").replace("Z", ""), "t");
    if (facts.undone) isolated(line, text(row[8]) + (text(row[9]) ? ": " + text(row[9]) : ""), "m");
    return line;
  }
  function render(from, to) {
    var part = document.createDocumentFragment();
    for (var i = from; i < to; i++) part.appendChild(shown(rows[matching[i]]));
    body.replaceChildren(part);
  }
  function number(value) { return value.toLocaleString("en"); }
  function pages() { return Math.max(1, Math.ceil(matching.length / PAGE)); }
  function show() {
    page = Math.min(Math.max(page, 0), pages() - 1);
    var from = page * PAGE, to = Math.min(from + PAGE, matching.length);
    render(from, to);
    var of = matching.length === rows.length ? number(rows.length) + " rows" :
      number(matching.length) + " of " + number(rows.length) + " rows match";
    said.textContent = matching.length > PAGE ? of + "; shown: " + number(from + 1) + " to " + number(to) : of;
    get("first").disabled = get("previous").disabled = page === 0;
    get("next").disabled = get("last").disabled = page === pages() - 1;
    get("page").textContent = "page " + number(page + 1) + " of " + number(pages());
    get("pager").hidden = matching.length <= PAGE;
  }

  // What is shown is in the address, so that it can be kept and sent on.
  function remember() {
    var wanted = new URLSearchParams();
    if (field.value) wanted.set("q", field.value);
    if (choice.value !== "") wanted.set("status", facts.classes[choice.value]);
    if (page) wanted.set("page", page + 1);
    var hash = wanted.toString();
    try { history.replaceState(null, "", hash ? "#" + hash : "#"); } catch (_) { /* a frame that may not */ }
  }
  function recall() {
    var wanted = new URLSearchParams(location.hash.slice(1)), status = facts.classes.indexOf(wanted.get("status"));
    field.value = wanted.get("q") || "";
    choice.value = status < 0 ? "" : String(status);
    page = (parseInt(wanted.get("page"), 10) || 1) - 1;
    search();
    show();
  }
  function renew() {
    page = 0;
    search();
    show();
    remember();
  }

  var timer;
  field.addEventListener("input", function () {
    clearTimeout(timer);
    timer = setTimeout(renew, DELAY);
  });
  choice.addEventListener("change", renew);
  function turn(id, to) {
    get(id).addEventListener("click", function () {
      page = to();
      show();
      remember();
    });
  }
  turn("first", function () { return 0; });
  turn("previous", function () { return page - 1; });
  turn("next", function () { return page + 1; });
  turn("last", function () { return pages() - 1; });
  addEventListener("hashchange", recall);

  // On paper there is no next page to turn to.
  addEventListener("beforeprint", function () {
    document.querySelectorAll("details").forEach(function (one) { one.open = true; });
    var last = Math.min(matching.length, PRINTED);
    render(0, last);
    get("printed").textContent = last < matching.length ?
      "The first " + number(last) + " of " + number(matching.length) + " rows; a search narrows them." : "";
  });
  addEventListener("afterprint", show);

  document.querySelectorAll(".live").forEach(function (element) { element.hidden = false; });
  document.querySelectorAll(".still").forEach(function (element) { element.hidden = true; });
  recall();
})();
]=]

return M
