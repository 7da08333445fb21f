// Listens to the sandbox, shows what it says, and sends what the buttons say.

import { drawMosaic } from "./mosaic.js";
import * as words from "./words.js";

const at = (id) => document.getElementById(id);
const whole = "Nothing is broken any more.";
const quietly = 3000; // milliseconds between two announcements to a screen reader

let systemId = new URLSearchParams(location.search).get("system_id") ?? "warehouse";
let source = null;
let verdict = "";
let announcing = null;
let broken = false;

function say(id, text) {
  const place = at(id);
  if (place.textContent === text) return false;
  place.textContent = text;
  return true;
}

function count(id, value, mood = "") {
  say(id, words.number(value));
  at(id).parentElement.className = value ? mood : "";
}

function stage(id, value) {
  const moved = say(id, words.number(value));
  const card = at(id).closest(".stage");
  card.classList.toggle("moved", moved);
}

function fill(list, items, none) {
  const shown = items.length ? items : [[none, "none"]];
  if (list.dataset.shown === JSON.stringify(shown)) return;
  list.dataset.shown = JSON.stringify(shown);
  const made = shown.map(([text, mood, time]) => {
    const item = document.createElement("li");
    if (mood) item.className = mood;
    if (time) {
      const when = document.createElement("time");
      when.textContent = time;
      item.append(when);
    }
    item.append(text);
    return item;
  });
  list.replaceChildren(...made);
}

function systems(all) {
  const place = at("system");
  const shown = [...place.options].map((option) => option.value);
  if (shown.join("\n") !== all.join("\n")) {
    place.replaceChildren(...all.map((name) => {
      const option = document.createElement("option");
      option.value = option.textContent = name;
      return option;
    }));
  }
  place.value = systemId;
}

// Numbers that run are nothing to listen to: the sentence is read out, and not too often.
function announce() {
  announcing ??= setTimeout(() => {
    announcing = null;
    say("announcer", verdict);
  }, quietly);
}

function show(state) {
  const { invoices, again, requests, faults, cells } = state;
  systems(state.systems);
  for (const id of ["pending", "out", "exported"]) stage(id, invoices[id]);
  verdict = words.verdict(invoices);
  if (say("verdict", verdict)) announce();
  drawMosaic(at("mosaic"), cells);
  at("mosaic").setAttribute("aria-label", words.picture(invoices));
  say("scale", words.scale(cells.size, invoices.drafts));
  say("aside", words.aside(invoices.refused));
  const failed = Object.values(requests.failed).reduce((sum, each) => sum + each, 0);
  count("failed", failed, "bad");
  count("retried", requests.retried);
  count("recovered", requests.recovered, "good");
  count("listed-again", again.listed);
  count("marked-again", again.marked);
  count("refused", invoices.refused, "bad");
  fill(at("in-force"), faults.map((each) => [words.inForce(each), ""]), "Nothing is broken.");
  if (broken && !faults.length) say("outcome", whole);
  broken = faults.length > 0;
  fill(
    at("feed"),
    state.feed.map((each) => [...words.line(each), words.time(each.at)]),
    "Nothing has happened yet.",
  );
}

function connection(how) {
  at("connection").dataset.is = how;
  say("connection", words.connection[how]);
}

function listen() {
  source?.close();
  const query = new URLSearchParams({ system_id: systemId });
  source = new EventSource(`/_sandbox/page/events?${query}`);
  source.addEventListener("open", () => connection("live"));
  source.addEventListener("error", () => connection("lost"));
  source.addEventListener("state", (event) => {
    connection("live");
    show(JSON.parse(event.data));
  });
  source.addEventListener("end", () => {
    source.close(); // asking again would only fill the console
    connection("ended");
  });
}

async function act(action) {
  const answer = await fetch("/_sandbox/do", { method: "POST", body: JSON.stringify(action) });
  if (!answer.ok) throw new Error((await answer.json()).message);
  return answer.json();
}

async function pick(number, exported) {
  const query = new URLSearchParams({ system_id: systemId, count: number, exported: Number(exported) });
  return (await fetch(`/_sandbox/page/pick?${query}`)).json();
}

async function unmark() {
  const ids = await pick(3, true);
  if (!ids.length) return "No invoice is exported yet.";
  await act({ do: "unmark", ids, system_id: systemId });
  return `${words.invoices(ids.length)} lost the mark, and will be listed again.`;
}

async function refuse() {
  const ids = await pick(3, false);
  if (!ids.length) return "All invoices are exported: book some first.";
  await act({ do: "fail", rules: [{ kind: "refuse_ids", ids, times: null }] });
  return `${words.invoices(ids.length)} will be refused until healed.`;
}

const rules = {
  500: { kind: "status", status: 500 },
  429: { kind: "status", status: 429, headers: { "Retry-After": "2" } },
  cut: { kind: "cut", on: "export" },
  lost_answer: { kind: "lost_answer", on: "mark" },
  latency: { kind: "latency", seconds: 1 },
};

async function breakIt(name) {
  if (name === "unmark") return unmark();
  if (name === "refuse_ids") return refuse();
  const times = at("how-often").value;
  await act({ do: "fail", rules: [{ ...rules[name], times: times ? Number(times) : null }] });
  return "Broken. Start a run, and watch it come through.";
}

async function book() {
  const ids = await act({ do: "add", count: Number(at("how-many").value) });
  return `${words.invoices(ids.length)} booked.`;
}

async function bookDrafts() {
  const ids = await act({ do: "book" });
  return ids.length ? `${words.invoices(ids.length)} booked that had been drafts.` : "There are no drafts.";
}

async function heal() {
  await act({ do: "heal" });
  return whole;
}

async function tell(work) {
  try {
    say("outcome", await work());
  } catch (problem) {
    say("outcome", `That did not work: ${problem.message}`);
  }
}

at("book").addEventListener("submit", (event) => {
  event.preventDefault();
  tell(book);
});
at("break").addEventListener("submit", (event) => event.preventDefault());
at("book-drafts").addEventListener("click", () => tell(bookDrafts));
at("heal").addEventListener("click", () => tell(heal));
for (const button of document.querySelectorAll("[data-fault]")) {
  button.addEventListener("click", () => tell(() => breakIt(button.dataset.fault)));
}
at("system").addEventListener("change", (event) => {
  systemId = event.target.value;
  history.replaceState(null, "", `?${new URLSearchParams({ system_id: systemId })}`);
  listen();
});
listen();
