// The other programs: links to those that are here, and how to get the others.
import { ask, byId, element } from "/page/api.js";

function view({ name, url, shows, get }) {
  const head = url ? element("a", { href: url, target: "_blank", rel: "noopener", textContent: name }) : element("strong", { textContent: name });
  const made = element("li", { className: url ? "" : "missing" }, head, url ? `: ${shows}` : ` is missing: ${shows}. To get it, ${get}.`);
  made.dataset.view = name;
  return made;
}

export async function startViews() {
  const { items } = await ask("/views");
  byId("views").replaceChildren(...items.map(view));
}
