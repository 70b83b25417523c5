// The operator's decisions, the latest first.
import { ask, byId, element, poll } from "/page/api.js";

const PHASE_CLASSES = { Succeeded: "good", NotNeeded: "good", Acting: "warn", HandedOver: "bad", Failed: "bad" };
const EMPTY_TEXTS = {
  replay: "The operator watches the alerts in dry run and has not decided anything yet. Take a backend down to see a decision after two minutes.",
  cluster: "There is no Remediation in this namespace: no incident so far.",
  none: "The operator is not running. With Prometheus and Alertmanager on PATH the demo runs it in dry run; on a cluster this section shows Remediation objects.",
};

function decision(item) {
  const at = new Date(item.at).toLocaleTimeString();
  const phase = item.phase ?? "no incident";
  const acts = item.action !== "None" ? ` [${item.action}]` : "";
  return element("li", {},
    element("time", { textContent: at }), " ",
    element("span", { className: `pill ${PHASE_CLASSES[item.phase] ?? ""}`, textContent: phase + acts }), " ",
    item.message);
}

async function refresh() {
  const { source, items, error } = await ask("/operator");
  byId("operator-source").textContent = { replay: "dry run without a cluster", cluster: "on this cluster" }[source] ?? "";
  const status = error ?? (items.length ? "" : EMPTY_TEXTS[source]);
  byId("operator").replaceChildren(...(status ? [element("p", { className: "status", textContent: status })] : [element("ol", {}, ...items.map(decision))]));
}

export function startOperator() {
  poll(refresh, 3000);
}
