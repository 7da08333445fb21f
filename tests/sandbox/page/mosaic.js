// All invoices as a few hundred squares: as many elements for 300 as for 300,000.

function look(booked, out, exported) {
  if (!booked) return "none";
  if (exported === booked) return "exported";
  if (out === booked) return "out";
  return out || exported ? "mixed" : "pending";
}

export function drawMosaic(place, { booked, out, exported, refused }) {
  while (place.children.length > booked.length) place.lastElementChild.remove();
  while (place.children.length < booked.length) place.append(document.createElement("i"));
  const bad = new Set(refused);
  booked.forEach((count, at) => {
    const cell = place.children[at];
    const name = `cell ${look(count, out[at], exported[at])}${bad.has(at) ? " refused" : ""}`;
    if (cell.className !== name) cell.className = name;
    if (!name.startsWith("cell mixed")) return;
    cell.style.setProperty("--done", `${(100 * exported[at]) / count}%`);
    cell.style.setProperty("--begun", `${(100 * (exported[at] + out[at])) / count}%`);
  });
}
