// Calls of the control API and helpers for the page.
export async function ask(path, body, method = body === undefined ? "GET" : "POST") {
  const response = await fetch(path, { method, body: body === undefined ? undefined : JSON.stringify(body) });
  const result = await response.json();
  if (!response.ok) throw new Error(result.error ?? `${path}: ${response.status}`);
  return result;
}

export const pause = (milliseconds) => new Promise((resume) => setTimeout(resume, milliseconds));

export const byId = (id) => document.getElementById(id);

export function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

// Replaces children only if they differ, so that a text selection survives polling.
export function replace(holder, ...children) {
  const made = holder.cloneNode(false);
  made.append(...children);
  if (made.innerHTML !== holder.innerHTML) holder.replaceChildren(...made.childNodes);
}

// Repeats a step at an interval; after a failure, for example while the sandbox restarts, it waits longer.
export async function poll(step, milliseconds) {
  for (;;) {
    try {
      await step();
    } catch (error) {
      console.warn(error);
      await pause(1000);
    }
    await pause(milliseconds);
  }
}
