// The latest traces; the newest is shown until the user selects another.
import { ask, byId, element, poll, pause, replace } from "/page/api.js";
import { linkOrCommand } from "/page/views.js";

const GATEWAY = "/search?service=Bot+Gateway+Service";

let picked = "";
let shown = "";

async function showElsewhere(jaeger) {
  byId("traces").hidden = byId("tree").hidden = true;
  const note = byId("traces-elsewhere");
  note.hidden = false;
  if (!jaeger.url) {
    replace(note, "This sandbox receives no traces, and Jaeger is not configured.");
  } else {
    const { reachable, target } = await linkOrCommand(jaeger, "are in Jaeger", GATEWAY);
    replace(note, "The traces ", ...(reachable ? [target, "."] : ["are in Jaeger. To open it, run ", target]));
  }
  await pause(4000);
}

async function refresh() {
  const { receiver, jaeger, items } = await ask("/traces");
  const list = byId("traces");
  if (!receiver) return showElsewhere(jaeger);
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
  byId("jaeger-link").hidden = !jaeger.url;
  byId("jaeger-link").href = `${jaeger.url}/trace/${current.trace_id}`;
}

export function startTraces() {
  byId("traces").onchange = () => { picked = byId("traces").value; byId("traces").blur(); };
  poll(refresh, 1000);
}
