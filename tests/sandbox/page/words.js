// What the page says. Every sentence stands here, and nothing else does.

const numbers = new Intl.NumberFormat("en");
const clock = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });

export const number = (count) => numbers.format(count);
export const time = (seconds) => clock.format(new Date(seconds * 1000));

const some = (count, one, more) => `${number(count)} ${count === 1 ? one : more}`;
export const invoices = (count) => some(count, "invoice", "invoices");

export function verdict({ booked, pending, out, exported }) {
  if (!booked) return "No invoice is booked.";
  if (exported === booked) return `Nothing lost: all ${invoices(booked)} loaded and marked.`;
  if (out) return `${number(exported)} of ${number(booked)} are marked. ${number(out)} more are loading: not confirmed, so not marked.`;
  if (!exported) return `${invoices(pending)} ${pending === 1 ? "waits" : "wait"} to be loaded.`;
  return `${number(exported)} of ${number(booked)} are marked. ${number(pending)} ${pending === 1 ? "waits" : "wait"} for the next run.`;
}

export function scale(size, drafts) {
  const squares = size === 1 ? "Each square is one invoice." : `Each square is ${number(size)} invoices.`;
  if (!drafts) return squares;
  return `${squares} ${some(drafts, "draft is", "drafts are")} left alone until booked.`;
}

export const picture = ({ pending, out, exported }) =>
  `All invoices: ${number(pending)} pending, ${number(out)} loading, ${number(exported)} exported`;

export const aside = (refused) =>
  refused ? `${some(refused, "is", "are")} refused by the API, whatever is tried: shown as diamonds.` : "";

const faults = {
  500: "server errors",
  429: "too many requests",
  cut: "cut bodies",
  lost_answer: "lost answers",
  close: "closed connections",
  latency: "slow answers",
  refuse_ids: "refused invoices",
  body: "answers of another kind",
};
const ends = { export: "listing", mark: "marking", any: "all requests" };

export function inForce({ kind, on, times, status }) {
  const name = faults[status ?? kind] ?? `${status ?? kind}`;
  const where = kind === "refuse_ids" ? "" : `, ${ends[on]}`;
  return `${name}${where}, ${times === null ? "until healed" : `${number(times)} more`}`;
}

const happened = {
  marked: [(n) => `${invoices(n)} marked as exported`, "good"],
  remarked: [(n) => `${invoices(n)} marked again, which does no harm`, ""],
  booked: [(n) => `${invoices(n)} booked`, ""],
  recovered: [(n, on) => `${some(n, on, `${on}s`)} asked again, and answered`, "good"],
  cut: [(n, on) => `${some(n, on, `${on}s`)} cut off in the middle`, "bad"],
  lost_answer: [(n, on) => `${some(n, "answer", "answers")} to a ${on} lost on the way`, "bad"],
  close: [(n, on) => `${some(n, on, `${on}s`)} hung up on`, "bad"],
  422: [(n, on) => `${some(n, on, `${on}s`)} refused (422)`, "bad"],
  429: [(n, on) => `${some(n, on, `${on}s`)} told to come back later (429)`, "bad"],
  body: [(n, on) => `${some(n, on, `${on}s`)} answered with something else`, "bad"],
};

// Returns a sentence and whether it is good, bad or neither.
export function line({ what, on, count }) {
  const [say, mood] = happened[what] ?? [(n) => `${some(n, on, `${on}s`)} failed with ${what}`, "bad"];
  return [say(count, on), mood];
}

export const connection = {
  waiting: "Connecting…",
  live: "Live",
  lost: "The sandbox does not answer; asking again",
  ended: "The sandbox has ended; this is its last word",
};
