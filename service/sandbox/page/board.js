// The board: the gateway's numbers, breakers, switches, alerts.
import { ask, byId, element, forever } from "/page/api.js";

const SERVICES = ["auth", "request", "user", "shift"];
const TROUBLES = [
  ["well", null],
  ["slow", { kind: "latency", latency_seconds: 5 }],
  ["failing", { kind: "error", status: 500 }],
  ["down", { kind: "down" }],
];
const BREAKERS = [["closed", "good"], ["open", "bad"], ["half-open", "warn"]];
const WINDOW_SAMPLES = 15;
const LINE_SAMPLES = 120;

const samples = [];
const rates = [];
let gatewayUrl = "";

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

function quantile(before, now, share) {
  const old = new Map(before.buckets);
  const grown = now.buckets.map(([bound, count]) => [bound, count - (old.get(bound) ?? 0)]);
  const total = now.handled - before.handled;
  if (total <= 0) return null;
  let lowBound = 0;
  let lowCount = 0;
  for (const [bound, count] of grown) {
    if (count >= share * total) return lowBound + (bound - lowBound) * (share * total - lowCount) / Math.max(count - lowCount, 1e-9);
    [lowBound, lowCount] = [bound, count];
  }
  return lowBound;
}

const seconds = (value) => value === null ? "–" : value < 1 ? `${Math.round(value * 1000)} ms` : `${value.toFixed(1)} s`;

function showNumbers(gateway) {
  const now = { at: Date.now() / 1000, ...gateway };
  if (samples.length && now.handled < samples.at(-1).handled) samples.length = 0; // the gateway started again
  samples.push(now);
  if (samples.length > WINDOW_SAMPLES) samples.shift();
  const before = samples[0];
  const passed = now.at - before.at;
  const rate = passed > 0 ? (now.messages + now.callbacks - before.messages - before.callbacks) / passed : 0;
  byId("rate").textContent = rate.toFixed(1);
  byId("p95").textContent = seconds(quantile(before, now, 0.95));
  byId("errors").textContent = now.errors;
  drawLine(rate);
  for (const [service, state] of Object.entries(now.breakers)) {
    const pill = document.querySelector(`[data-breaker="${service}"]`);
    if (!pill) continue;
    const [name, mood] = BREAKERS[state] ?? ["unknown", ""];
    pill.textContent = name;
    pill.className = `pill ${mood}`;
  }
}

function drawLine(rate) {
  rates.push(rate);
  if (rates.length > LINE_SAMPLES) rates.shift();
  const top = Math.max(1, ...rates);
  const points = rates.map((value, number) => `${LINE_SAMPLES - rates.length + number},${29 - value / top * 28}`);
  byId("rate-line").firstElementChild.setAttribute("points", points.join(" "));
}

async function showGateway() {
  const gateway = await ask("/gateway");
  const state = byId("gateway-state");
  state.textContent = gateway.up ? "up" : gateway.known ? "down" : "not known here";
  state.className = `pill ${gateway.up ? "good" : "bad"}`;
  byId("kill").disabled = !gateway.can_kill;
  if (gateway.known) {
    gatewayUrl = gateway.url;
    byId("metrics-link").href = `${gateway.url}/metrics`;
  }
  if (gateway.up) showNumbers(gateway);
  byId("pending").textContent = (await ask("/webhook")).pending;
  await showFaults();
}

const MOODS = { critical: "bad", warning: "warn" };

function alert({ labels, annotations, state, activeAt }) {
  const about = labels.service_name ? ` ${labels.service_name}` : "";
  const since = new Date(activeAt).toLocaleTimeString();
  const runbook = annotations.runbook_url ? [" ", element("a", { href: annotations.runbook_url, target: "_blank", rel: "noopener", textContent: "runbook" })] : [];
  const name = element("strong", { className: MOODS[labels.severity] ?? "", textContent: labels.alertname + about });
  const made = element("li", {}, name, ` ${state === "firing" ? "fires" : "is pending"} since ${since}: ${annotations.summary ?? ""}`, ...runbook);
  made.dataset.alert = labels.alertname;
  made.dataset.state = state;
  return made;
}

async function showAlerts() {
  const { prometheus, items } = await ask("/alerts");
  const active = items.filter((one) => one.labels.severity !== "none"); // the Watchdog always fires
  const said = prometheus ? "None is active." : "No Prometheus here: see More views.";
  byId("alerts").replaceChildren(active.length ? element("ul", {}, ...active.map(alert)) : said);
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
  say(`Sent ${answer.sent} invalid updates to ${gatewayUrl}/webhook: ${JSON.stringify(answer.statuses)}.`);
}

const reported = (action) => () => action().catch((error) => say(error.message));

export function startBoard() {
  byId("backends").replaceChildren(...SERVICES.map(backendRow));
  byId("traffic").onchange = async () => { await ask("/traffic", { rate: Number(byId("traffic").value) }); byId("traffic").blur(); };
  byId("invalid").onclick = reported(sendInvalid);
  byId("kill").onclick = reported(async () => { await ask("/gateway/kill", {}); say("Killed. It is started again; Telegram delivers what was in flight once more."); });
  byId("repair").onclick = reported(async () => { await ask("/faults", undefined, "DELETE"); say("All faults are lifted."); await showFaults(); });
  forever(showGateway, 1000);
  forever(showTraffic, 2000);
  forever(showAlerts, 2000);
}
