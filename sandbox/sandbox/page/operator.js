// The operator: what it decided, the latest first, in its own words.
import { ask, byId, element, forever } from "/page/api.js";

const MOODS = { Succeeded: "good", NotNeeded: "good", Acting: "warn", HandedOver: "bad", Failed: "bad" };
const NOTHING = {
  replay: "It watches the alerts as a dry run. Nothing to decide so far: break a backend, and two minutes later it says what it would do.",
  cluster: "No Remediation in this namespace: nothing has gone wrong yet.",
  none: "It is not here. With Prometheus and Alertmanager on PATH the demo lets it say what it would do; on a cluster the Remediation objects stand here.",
};

function decision(item) {
  const at = new Date(item.at).toLocaleTimeString();
  const phase = item.phase ?? "no incident";
  const acts = item.action !== "None" ? ` [${item.action}]` : "";
  return element("li", {},
    element("time", { textContent: at }), " ",
    element("span", { className: `pill ${MOODS[item.phase] ?? ""}`, textContent: phase + acts }), " ",
    item.message);
}

async function refresh() {
  const { source, items, error } = await ask("/operator");
  byId("operator-source").textContent = { replay: "dry run, no cluster: it touches nothing", cluster: "on this cluster" }[source] ?? "";
  const said = error ?? (items.length ? "" : NOTHING[source]);
  byId("operator").replaceChildren(...(said ? [element("p", { className: "said", textContent: said })] : [element("ol", {}, ...items.map(decision))]));
}

export function startOperator() {
  forever(refresh, 3000);
}
