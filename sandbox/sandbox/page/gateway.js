// The gateway: its state, metrics and circuit breakers; on a cluster, summed over all replicas.
import { ask, byId, poll } from "/page/api.js";

const BREAKERS = [["closed", "good"], ["open", "bad"], ["half-open", "warn"]];
const WINDOW_SAMPLES = 15;
const LINE_SAMPLES = 120;

const samples = [];
const rates = [];

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

// One gateway exports counters since its start: compute their increase over the last samples.
function ownNumbers(gateway) {
  const now = { at: Date.now() / 1000, ...gateway };
  if (samples.length && now.handled < samples.at(-1).handled) samples.length = 0; // the gateway restarted
  samples.push(now);
  if (samples.length > WINDOW_SAMPLES) samples.shift();
  const before = samples[0];
  const passed = now.at - before.at;
  const rate = passed > 0 ? (now.messages + now.callbacks - before.messages - before.callbacks) / passed : 0;
  const breakers = Object.entries(now.breakers).map(([service, state]) => [service, { state, pods: 1, of: 1 }]);
  return { rate, p95: quantile(before, now, 0.95), errors: now.errors, breakers: Object.fromEntries(breakers) };
}

function showNumbers({ rate, p95, errors, breakers }) {
  byId("rate").textContent = rate.toFixed(1);
  byId("p95").textContent = seconds(p95);
  byId("errors").textContent = errors;
  drawLine(rate);
  for (const [service, breaker] of Object.entries(breakers)) showBreaker(service, breaker);
}

function showBreaker(service, { state, pods, of }) {
  const pill = document.querySelector(`[data-breaker="${service}"]`);
  if (!pill) return;
  const [name, style] = BREAKERS[state] ?? ["unknown", ""];
  pill.textContent = pods === of ? name : `${name} in ${pods} of ${of}`;
  pill.className = `pill ${style}`;
}

function drawLine(rate) {
  rates.push(rate);
  if (rates.length > LINE_SAMPLES) rates.shift();
  const top = Math.max(1, ...rates);
  const points = rates.map((value, number) => `${LINE_SAMPLES - rates.length + number},${29 - value / top * 28}`);
  byId("rate-line").firstElementChild.setAttribute("points", points.join(" "));
}

function showState(text, style) {
  byId("gateway-state").textContent = text;
  byId("gateway-state").className = `pill ${style}`;
}

const SOURCES = {
  none() {
    showState("unknown", "bad");
  },
  metrics(gateway) {
    showState(gateway.up ? "up" : "down", gateway.up ? "good" : "bad");
    byId("metrics-link").hidden = false;
    byId("metrics-link").href = `${gateway.url}/metrics`;
    if (gateway.up) showNumbers(ownNumbers(gateway));
  },
  prometheus(gateway) {
    byId("kill").hidden = true;
    byId("kill-how").hidden = false;
    byId("kill-command").textContent = gateway.kill;
    byId("errors-name").textContent = "errors/s";
    if (!gateway.reachable) {
      showState("unknown: cannot reach Prometheus", "warn");
      return;
    }
    const { replicas, replicas_up: up } = gateway;
    showState(replicas ? `${up} of ${replicas} replicas up` : "Prometheus has no replica", up === 0 ? "bad" : up < replicas ? "warn" : "good");
    if (gateway.up) showNumbers({ ...gateway, errors: gateway.errors.toFixed(2) });
  },
};

async function refresh() {
  const gateway = await ask("/gateway");
  byId("kill").disabled = !gateway.can_kill;
  SOURCES[gateway.source](gateway);
  byId("pending").textContent = (await ask("/webhook")).pending;
}

export function startGateway() {
  poll(refresh, 1000);
}
