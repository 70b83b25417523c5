// The board: switches that make trouble, and the alerts that it raises.
import { ask, byId, element, forever } from "/page/api.js";

const SERVICES = ["auth", "request", "user", "shift"];
const TROUBLES = [
  ["well", null],
  ["slow", { kind: "latency", latency_seconds: 5 }],
  ["failing", { kind: "error", status: 500 }],
  ["down", { kind: "down" }],
];

const say = (text) => { byId("trouble-said").textContent = text; };

async function setTrouble(service, fault) {
  for (const old of await ask("/faults")) if (old.service === service) await ask(`/faults/${old.id}`, undefined, "DELETE");
  if (fault) await ask("/faults", { service, ...fault });
  say(fault ? `The ${service} service is now ${fault.kind === "latency" ? "slow" : fault.kind === "error" ? "failing" : "down"}.` : `The ${service} service is well again.`);
  await showFaults();
}

function backendRow(service) {
  const buttons = TROUBLES.map(([name, fault]) => {
    const button = element("button", { textContent: name, onclick: () => setTrouble(service, fault) });
    button.dataset.kind = fault ? fault.kind : "";
    return button;
  });
  const breaker = element("span", { className: "pill", textContent: "…" });
  breaker.dataset.breaker = service;
  const row = element("tr", {}, element("td", { textContent: service }), element("td", {}, breaker), element("td", {}, ...buttons));
  row.dataset.service = service;
  return row;
}

async function showFaults() {
  const faults = await ask("/faults");
  for (const row of byId("backends").children) {
    const fault = faults.find((one) => one.service === row.dataset.service);
    for (const button of row.querySelectorAll("button")) button.setAttribute("aria-pressed", button.dataset.kind === (fault ? fault.kind : ""));
  }
}

const MOODS = { critical: "bad", warning: "warn" };

// Replicas raise the same alert each: one line says since when the first of them, and how many.
function grouped(alerts) {
  const groups = new Map();
  for (const one of alerts) {
    const key = [one.labels.alertname, one.labels.service_name, one.state].join();
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return [...groups.values()];
}

function alertLine(alerts) {
  const [{ labels, annotations, state }] = alerts;
  const about = labels.service_name ? ` ${labels.service_name}` : "";
  const since = new Date(Math.min(...alerts.map((one) => new Date(one.activeAt)))).toLocaleTimeString();
  const pods = new Set(alerts.map((one) => one.labels.pod)).size;
  const where = pods > 1 ? ` in ${pods} pods` : "";
  const runbook = annotations.runbook_url ? [" ", element("a", { href: annotations.runbook_url, target: "_blank", rel: "noopener", textContent: "runbook" })] : [];
  const name = element("strong", { className: MOODS[labels.severity] ?? "", textContent: labels.alertname + about });
  const made = element("li", {}, name, ` ${state === "firing" ? "fires" : "is pending"}${where} since ${since}: ${annotations.summary ?? ""}`, ...runbook);
  made.dataset.alert = labels.alertname;
  made.dataset.state = state;
  return made;
}

async function showAlerts() {
  const { prometheus, items } = await ask("/alerts");
  const active = items.filter((one) => one.labels.severity !== "none"); // the Watchdog always fires
  const said = prometheus ? "None is active." : "No Prometheus here: see More views.";
  byId("alerts").replaceChildren(active.length ? element("ul", {}, ...grouped(active).map(alertLine)) : said);
}

async function showTraffic() {
  const list = byId("traffic");
  const { rate } = await ask("/traffic");
  if (document.activeElement === list) return;
  if (![...list.options].some((option) => Number(option.value) === rate)) list.append(element("option", { value: rate, textContent: rate }));
  list.value = String(rate);
}

async function sendInvalid() {
  const answer = await ask("/gateway/invalid", { count: 100 });
  say(`Sent ${answer.sent} invalid updates to ${answer.url}: ${JSON.stringify(answer.statuses)}.`);
}

const reported = (action) => () => action().catch((error) => say(error.message));

export function startBoard() {
  byId("backends").replaceChildren(...SERVICES.map(backendRow));
  byId("traffic").onchange = async () => { await ask("/traffic", { rate: Number(byId("traffic").value) }); byId("traffic").blur(); };
  byId("invalid").onclick = reported(sendInvalid);
  byId("kill").onclick = reported(async () => { await ask("/gateway/kill", {}); say("Killed. It is started again; Telegram delivers what was in flight once more."); });
  byId("repair").onclick = reported(async () => { await ask("/faults", undefined, "DELETE"); say("All faults are lifted."); await showFaults(); });
  forever(showFaults, 1000);
  forever(showTraffic, 2000);
  forever(showAlerts, 2000);
}
