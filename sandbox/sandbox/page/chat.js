// One person's chat with the bot.
import { ask, byId, element, poll } from "/page/api.js";

const COMMANDS = {
  applicant: ["/start", "/newrequest", "/requests", "/help"],
  executor: ["/start", "/shifts", "/myshifts", "/requests", "/availability"],
  manager: ["/start", "/admin", "/requests", "/help"],
  admin: ["/start", "/admin", "/requests", "/help"],
};

const KINDS = [["photo", "(a photo)"], ["location", "(a location)"], ["contact", "(a contact)"]];

let people = [];
let person = null;
let seen = 0;

const perform = (action) => person && ask("/updates", { user_id: person.telegram_id, ...action });

function choose() {
  const role = byId("role").value;
  const language = byId("language").value;
  person = people.find((one) => one.linked && one.role === role && one.language === language);
  seen = 0;
  byId("chat").replaceChildren();
  byId("person").textContent = person ? person.name : "nobody";
  // Disabled until the people are loaded: a click without a person would be lost.
  for (const control of byId("composer").elements) control.disabled = !person;
  const commands = person ? COMMANDS[role] : [];
  const buttons = commands.map((text) => element("button", { textContent: text, onclick: () => perform({ text }) }));
  byId("shortcuts").replaceChildren(...buttons);
}

function keyboard(message) {
  const markup = message.reply_markup ?? {};
  const rows = (markup.inline_keyboard ?? markup.keyboard ?? []).map((row) =>
    element("div", {}, ...row.map((button) => keyButton(message, button))));
  return rows.length ? [element("div", { className: "keys" }, ...rows)] : [];
}

function keyButton(message, button) {
  const pressed = () => {
    if (button.callback_data !== undefined) return perform({ message_id: message.message_id, callback_data: button.callback_data });
    if (button.request_contact) return perform({ contact: person.phone });
    return perform({ text: button.text });
  };
  return element("button", { textContent: button.text, onclick: pressed });
}

function bubble(message) {
  const content = message.text ?? message.caption ?? KINDS.find(([kind]) => message[kind])?.[1] ?? "…";
  const made = element("div", { className: message.from_bot ? "message" : "message own" }, content, ...(message.from_bot ? keyboard(message) : []));
  made.dataset.id = message.message_id;
  return made;
}

function show(message) {
  const chat = byId("chat");
  const old = chat.querySelector(`[data-id="${message.message_id}"]`);
  if (old) old.replaceWith(bubble(message));
  else chat.append(bubble(message));
  chat.scrollTop = chat.scrollHeight;
}

async function follow() {
  if (!person) return;
  const asked = person;
  const found = await ask(`/chats/${asked.telegram_id}/messages?all=1&after=${seen}&timeout=${seen ? 2 : 0}`);
  if (asked !== person) return;
  found.items.forEach(show);
  seen = Math.max(seen, found.last, 1);
}

export async function startChat() {
  byId("role").onchange = byId("language").onchange = choose;
  choose();
  byId("composer").onsubmit = (event) => {
    event.preventDefault();
    const text = byId("text").value.trim();
    byId("text").value = "";
    if (text) perform({ text });
  };
  byId("send-photo").onclick = () => perform({ photos: 1 });
  byId("send-location").onclick = () => perform({ location: { latitude: 41.3111, longitude: 69.2797 } });
  people = (await ask("/users")).items;
  choose();
  poll(follow, 50);
}
