// Monitoring programs: links to those that are running, and how to reach or install the others.
import { ask, byId, element, poll, replace } from "/page/api.js";

// Only the browser can tell whether a port-forward is running.
async function responds(url) {
  try {
    await fetch(url, { mode: "no-cors", method: "HEAD" });
    return true;
  } catch {
    return false;
  }
}

// A link if its target responds, else the command that makes it reachable.
export async function linkOrCommand({ url, forward }, text, path = "") {
  if (forward && !await responds(url)) return { reachable: false, target: element("code", { textContent: forward }) };
  return { reachable: true, target: element("a", { href: url + path, target: "_blank", rel: "noopener", textContent: text }) };
}

async function line(view) {
  const { name, url, shows, get } = view;
  const made = element("li", { className: url ? "" : "missing" });
  made.dataset.view = name;
  const title = element("strong", { textContent: name });
  if (!url) {
    made.append(title, ` is not running: ${shows}. To get it, ${get}.`);
    return made;
  }
  const { reachable, target } = await linkOrCommand(view, name);
  made.append(...(reachable ? [target, `: ${shows}`] : [title, `: ${shows}. To open it, run `, target]));
  return made;
}

async function refresh() {
  const { items } = await ask("/views");
  replace(byId("views"), ...await Promise.all(items.map(line)));
}

export function startViews() {
  poll(refresh, 5000);
}
