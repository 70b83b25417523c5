// The latest traces; the newest is shown until one picks another.
import { ask, byId, element, forever } from "/page/api.js";

let picked = "";
let shown = "";

async function refresh() {
  const { receiver, jaeger, items } = await ask("/traces");
  const list = byId("traces");
  if (!receiver) {
    byId("tree").textContent = "This sandbox receives no traces; see Jaeger.";
    return;
  }
  if (!items.length || document.activeElement === list) return;
  const current = items.find((trace) => trace.trace_id === picked) ?? items[0];
  const newest = items.map((trace) => trace.trace_id).join();
  if (newest !== shown) {
    shown = newest;
    list.replaceChildren(...items.map((trace) => element("option", {
      value: trace.trace_id,
      textContent: `${new Date(trace.started * 1000).toLocaleTimeString()} ${trace.name} ${Math.round(trace.milliseconds)} ms${trace.failed ? " failed" : ""}`,
    })));
  }
  list.value = current.trace_id;
  byId("tree").textContent = current.tree;
  byId("jaeger-link").hidden = !jaeger;
  byId("jaeger-link").href = `${jaeger}/trace/${current.trace_id}`;
}

export function startTraces() {
  byId("traces").onchange = () => { picked = byId("traces").value; byId("traces").blur(); };
  forever(refresh, 1000);
}
