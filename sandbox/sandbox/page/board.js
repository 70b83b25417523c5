// The board: fault injection and traffic, and the alerts that fire.
import { ask, byId, element, poll } from "/page/api.js";

const SERVICES = ["auth", "request", "user", "shift"];
const FAULTS = [
  ["healthy", null],
  ["slow", { kind: "latency", latency_seconds: 5 }],
  ["failing", { kind: "error", status: 500 }],
  ["down", { kind: "down" }],
];

const showStatus = (text) => { byId("fault-status").textContent = text; };

async function setFault(service, fault) {
  for (const old of await ask("/faults")) if (old.service === service) await ask(`/faults/${old.id}`, undefined, "DELETE");
  if (fault) await ask("/faults", { service, ...fault });
  showStatus(fault ? `The ${service} service is now ${fault.kind === "latency" ? "slow" : fault.kind === "error" ? "failing" : "down"}.` : `The ${service} service is healthy again.`);
  await showFaults();
}

function backendRow(service) {
  const buttons = FAULTS.map(([name, fault]) => {
    const button = element("button", { textContent: name, onclick: () => setFault(service, fault) });
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

const SEVERITY_CLASSES = { critical: "bad", warning: "warn" };

// Each replica has its own instance of an alert: show one line with the earliest start and the number of pods.
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
  const name = element("strong", { className: SEVERITY_CLASSES[labels.severity] ?? "", textContent: labels.alertname + about });
  const line = element("li", {}, name, ` ${state === "firing" ? "fires" : "is pending"}${where} since ${since}: ${annotations.summary ?? ""}`, ...runbook);
  line.dataset.alert = labels.alertname;
  line.dataset.state = state;
  return line;
}

async function showAlerts() {
  const { prometheus, items } = await ask("/alerts");
  const active = items.filter((one) => one.labels.severity !== "none"); // the Watchdog fires always
  const empty = prometheus ? "No active alerts." : "Prometheus is not running: see More views.";
  byId("alerts").replaceChildren(active.length ? element("ul", {}, ...grouped(active).map(alertLine)) : empty);
}

async function showTraffic() {
  const list = byId("traffic");
  const { rate } = await ask("/traffic");
  if (document.activeElement === list) return;
  if (![...list.options].some((option) => Number(option.value) === rate)) list.append(element("option", { value: rate, textContent: rate }));
  list.value = String(rate);
}

async function sendInvalid() {
  const result = await ask("/gateway/invalid", { count: 100 });
  showStatus(`Sent ${result.sent} invalid updates to ${result.url}: ${JSON.stringify(result.statuses)}.`);
}

async function listTelegramErrors() {
  const known = await ask("/telegram/known-errors");
  for (const [name, { code, description }] of Object.entries(known)) {
    byId("telegram-error").append(element("option", { value: name, title: description, textContent: code ? `${code} ${name}` : name }));
  }
}

// The choice is for one message: afterwards the list shows again that messages succeed.
async function setTelegramError() {
  const name = byId("telegram-error").value;
  await ask("/telegram/errors", undefined, "DELETE");
  if (name) await ask("/telegram/errors", { errors: [name], method: "sendMessage", count: 1 });
  showStatus(name ? `Telegram responds to the bot's next message with ${name}.` : "Telegram accepts the bot's messages.");
}

async function showTelegramError() {
  const list = byId("telegram-error");
  const [active] = await ask("/telegram/errors");
  if (document.activeElement !== list) list.value = active ? active.errors[0] : "";
}

const withErrors = (action) => () => action().catch((error) => showStatus(error.message));

export function startBoard() {
  byId("backends").replaceChildren(...SERVICES.map(backendRow));
  byId("traffic").onchange = async () => { await ask("/traffic", { rate: Number(byId("traffic").value) }); byId("traffic").blur(); };
  byId("telegram-error").onchange = withErrors(async () => { await setTelegramError(); byId("telegram-error").blur(); });
  byId("invalid").onclick = withErrors(sendInvalid);
  byId("kill").onclick = withErrors(async () => { await ask("/gateway/kill", {}); showStatus("Killed. The gateway restarts, and Telegram redelivers the updates in flight."); });
  byId("remove-faults").onclick = withErrors(async () => { await ask("/faults", undefined, "DELETE"); await ask("/telegram/errors", undefined, "DELETE"); showStatus("All faults are removed."); await showFaults(); });
  listTelegramErrors();
  poll(showFaults, 1000);
  poll(showTelegramError, 1000);
  poll(showTraffic, 2000);
  poll(showAlerts, 2000);
}
