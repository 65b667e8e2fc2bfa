// The page: it knows its bridge and the client, and nothing else. (Here it takes the client as it is built in this
// repository; in a program of yours, `import { connect } from "fleetwire"` and a bundler do.)

import { connect } from "../../client/dist/index.js";

const OLD_MS = 15_000;
const { url, token, notify } = window.bridge;
const fw = connect(url, { token });

const SAY = {
  connecting: () => "connecting",
  authenticating: () => "authenticating",
  live: () => "live",
  stale: ({ ageMs }) => `nothing heard for ${Math.round(ageMs / 1000)} s: these numbers are old`,
  offline: ({ reason, retryInMs }) => `offline: ${reason}; next try in ${Math.ceil(retryInMs / 1000)} s`,
  refused: ({ reason }) => `refused: ${reason}`,
  closed: () => "closed",
};

fw.status.subscribe((status) => {
  document.body.dataset.state = status.state;
  document.querySelector("#status").textContent = SAY[status.state](status);
});

const experts = fw.state("ea_updates");
const lines = new Map(); // key -> its line of the table

experts.subscribe((rows, changed) => {
  for (const key of changed) {
    const row = rows.get(key);
    if (row) draw(key, row);
    else {
      lines.get(key)?.remove();
      lines.delete(key);
    }
  }
});

function draw(key, row) {
  let line = lines.get(key);
  if (!line) {
    line = document.createElement("tr");
    line.dataset.key = key;
    line.append(...Array.from({ length: 5 }, () => document.createElement("td")));
    lines.set(key, line);
    document.querySelector("#experts").append(line);
  }
  const texts = [row.ea_id, row.symbol, row.status, row.current_profit?.toFixed(2) ?? ""];
  texts.forEach((text, place) => (line.children[place].textContent = text)); // never innerHTML: names are data
}

// Ages go by while nothing changes.
fw.age.subscribe(() => {
  for (const [key, line] of lines) {
    const age = experts.ageMs(key);
    line.classList.toggle("old", age === null || age > OLD_MS);
    line.children[4].textContent = age === null ? "?" : `${(age / 1000).toFixed(1)} s`;
  }
});

fw.on("alert", ({ data }) => {
  const line = document.createElement("li");
  line.textContent = `${data.level}: ${data.message}`;
  document.querySelector("#alerts").prepend(line);
  if (data.level === "critical") notify("fleetwire", data.message);
});

addEventListener("pagehide", () => fw.close());
