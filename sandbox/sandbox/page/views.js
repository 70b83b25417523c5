// The other programs: links to those that are here, and how to reach or get the others.
import { ask, byId, element, forever, replace } from "/page/api.js";

// A port-forward is the browser's own matter: whether it is there, only the browser can tell.
async function answers(url) {
  try {
    await fetch(url, { mode: "no-cors", method: "HEAD" });
    return true;
  } catch {
    return false;
  }
}

// A link where it leads somewhere, else the command after which it does.
export async function wayTo({ url, forward }, text, path = "") {
  if (forward && !await answers(url)) return { there: false, way: element("code", { textContent: forward }) };
  return { there: true, way: element("a", { href: url + path, target: "_blank", rel: "noopener", textContent: text }) };
}

async function line(view) {
  const { name, url, shows, get } = view;
  const made = element("li", { className: url ? "" : "missing" });
  made.dataset.view = name;
  const title = element("strong", { textContent: name });
  if (!url) {
    made.append(title, ` is missing: ${shows}. To get it, ${get}.`);
    return made;
  }
  const { there, way } = await wayTo(view, name);
  made.append(...(there ? [way, `: ${shows}`] : [title, `: ${shows}. To open it, run `, way]));
  return made;
}

async function refresh() {
  const { items } = await ask("/views");
  replace(byId("views"), ...await Promise.all(items.map(line)));
}

export function startViews() {
  forever(refresh, 5000);
}
