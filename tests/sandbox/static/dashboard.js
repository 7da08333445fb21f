// Polls the sandbox's controls once a second, shows what they say, and sends what buttons ask for.

const POLL_INTERVAL_MS = 1000;
const at = (id) => document.getElementById(id);
const number = new Intl.NumberFormat("en").format;
const invoices = (count) => `${number(count)} invoice${count === 1 ? "" : "s"}`;
let system = new URLSearchParams(location.search).get("system_id") ?? "warehouse";
let state = null;

async function load(path) {
  const response = await fetch(`/_sandbox/${path}`);
  if (!response.ok) throw new Error(response.statusText);
  return response.json();
}

function say(id, text) {
  if (at(id).textContent !== text) at(id).textContent = text;
}

function fill(place, tag, texts) {
  while (place.children.length > texts.length) place.lastElementChild.remove();
  while (place.children.length < texts.length) place.append(document.createElement(tag));
  texts.forEach((text, index) => {
    if (place.children[index].textContent !== text) place.children[index].textContent = text;
  });
}

function drawHeatmap({ size, cells }) {
  fill(at("heatmap"), "i", cells.map(() => ""));
  cells.forEach(([booked, marked, rejected], index) => {
    const cell = at("heatmap").children[index];
    const stage = marked === booked ? "marked" : marked ? "mixed" : "pending";
    cell.className = `cell ${stage}${rejected ? " rejected" : ""}`;
    cell.style.setProperty("--share", `${(100 * marked) / booked}%`);
  });
  const drafts = state.drafts ? ` Drafts, which are not booked yet: ${number(state.drafts)}.` : "";
  say("scale", `Each square stands for ${size === 1 ? "one invoice" : `${number(size)} ids`}.${drafts}`);
}

function describe({ kind, on, times, detail }) {
  const where = { export: "on listings", mark: "on marks", any: "on all requests" }[on];
  if (kind === "refuse_ids") return "rejected invoices until healed";
  return `${detail.status ?? kind} ${where}, ${times === null ? "until healed" : `${times} more`}`;
}

function describeRequest({ time, path, status, count, faults, is_done }) {
  const what = path.endsWith("export") ? "listing" : "mark";
  const result = status === null ? (is_done ? "no response" : "…") : `${status}${count === null ? "" : `, ${invoices(count)}`}`;
  const clock = new Date(time * 1000).toLocaleTimeString("en-GB");
  return `${clock} ${what}: ${result}${faults.length ? ` (${faults.join(", ")})` : ""}`;
}

function show(requests) {
  for (const id of ["pending", "marked", "rejected"]) say(id, number(state[id]));
  const rejected = state.rejected ? `, ${number(state.rejected)} of them rejected` : "";
  say("summary", `${number(state.marked)} of ${invoices(state.booked)} marked, ${number(state.pending)} pending${rejected}.`);
  fill(at("system"), "option", [...new Set([...state.systems, system])].sort());
  at("system").value = system;
  drawHeatmap(state.heatmap);
  const faults = state.faults.filter(({ times }) => times !== 0).map(describe);
  say("faults", faults.length ? `In force: ${faults.join("; ")}.` : "Nothing is broken.");
  fill(at("log"), "li", requests.reverse().map(describeRequest));
}

function connection(is, text) {
  at("connection").dataset.is = is;
  say("connection", text);
}

async function refresh() {
  try {
    const query = new URLSearchParams({ system_id: system, heatmap: 1 });
    const [counts, requests] = await Promise.all([load(`state?${query}`), load("log?last=12")]);
    state = counts;
    show(requests);
    connection("live", "Live");
  } catch {
    connection("lost", "The sandbox does not answer; retrying");
  }
}

async function act(action) {
  const response = await fetch("/_sandbox/do", { method: "POST", body: JSON.stringify(action) });
  say("problem", response.ok ? "" : `That did not work: ${(await response.json()).message}`);
  await refresh();
}

const fail = (rule) => act({ do: "fail", rules: [{ times: Number(at("times").value) || null, ...rule }] });
const onClick = (id, action) => at(id).addEventListener("click", () => act(action()));

at("book").addEventListener("submit", (event) => {
  event.preventDefault();
  act({ do: "add", count: Number(at("count").value) });
});
onClick("book-drafts", () => ({ do: "book" }));
onClick("heal", () => ({ do: "heal" }));
onClick("unmark", () => ({ do: "unmark", ids: state.newest.marked, system_id: system }));
at("reject").addEventListener("click", () => fail({ kind: "refuse_ids", ids: state.newest.pending, times: null }));
for (const button of document.querySelectorAll("[data-rule]")) {
  button.addEventListener("click", () => fail(JSON.parse(button.dataset.rule)));
}
at("system").addEventListener("change", (event) => {
  system = event.target.value;
  history.replaceState(null, "", `?${new URLSearchParams({ system_id: system })}`);
  refresh();
});

for (;;) {
  await refresh();
  await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL_MS));
}
