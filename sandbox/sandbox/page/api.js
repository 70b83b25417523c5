// The control API as functions.
export async function ask(path, body, method = body === undefined ? "GET" : "POST") {
  const response = await fetch(path, { method, body: body === undefined ? undefined : JSON.stringify(body) });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error ?? `${path}: ${response.status}`);
  return answer;
}

export const pause = (milliseconds) => new Promise((resume) => setTimeout(resume, milliseconds));

export const byId = (id) => document.getElementById(id);

export function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

// Changes what is shown only where it differs, so that text one is copying stays selected.
export function replace(holder, ...children) {
  const made = holder.cloneNode(false);
  made.append(...children);
  if (made.innerHTML !== holder.innerHTML) holder.replaceChildren(...made.childNodes);
}

// Runs a step again and again; a step that fails (the sandbox is being restarted) is tried again later.
export async function forever(step, milliseconds) {
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
