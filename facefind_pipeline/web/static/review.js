// A person's photos looked through: one face is chosen, a key says yes or no and goes on to the next.
"use strict";

addEventListener("DOMContentLoaded", () => {
  const byId = (id) => document.getElementById(id);
  const key = document.querySelector(".review").dataset.key;
  const faces = () => [...document.querySelectorAll(".faces button")];
  let current = null; // id of the button that is looked at
  let place = 0; // where it stood, should it be gone

  const look = (button) => {
    if (!button) return;
    current = button.id;
    place = faces().indexOf(button);
    for (const one of faces()) one.setAttribute("aria-current", one === button);
    byId("look").hidden = false;
    byId("frame").hidden = true;
    if (!byId("full").src.endsWith(button.dataset.full)) byId("full").src = button.dataset.full;
    else mark(button);
    byId("full").alt = `Photo ${button.dataset.about}`;
    byId("about").textContent = button.dataset.about;
  };

  const mark = (button) => {
    const [x, y, w, h] = button.dataset.box.split(" ").map((share) => `${100 * share}%`);
    Object.assign(byId("frame").style, { left: x, top: y, width: w, height: h });
    byId("frame").hidden = false;
  };

  const move = (steps) => {
    const all = faces();
    const from = all.findIndex((one) => one.id === current);
    const next = all[Math.min(Math.max((from === -1 ? place - 1 : from) + steps, 0), all.length - 1)];
    next?.focus();
    look(next);
  };

  const say = async (shown) => {
    const button = byId(current ?? "") ?? faces()[0];
    if (!button) return;
    look(button);
    const sha256 = button.dataset.sha256;
    move(1);
    const { ok, html } = await post(`/people/${key}/said`, { sha256, shown });
    byId("word").innerHTML = ok ? "" : html;
    htmx.trigger("#photos", "refresh");
  };

  byId("full").addEventListener("load", () => {
    const button = byId(current ?? "");
    if (button) mark(button);
  });
  byId("confirm").addEventListener("click", () => say(true));
  byId("reject").addEventListener("click", () => say(false));
  addEventListener("click", (event) => look(event.target.closest(".faces button")));
  addEventListener("focusin", (event) => look(event.target.closest(".faces button")));
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select, textarea")) return;
    const acts = {
      y: () => say(true),
      n: () => say(false),
      ArrowRight: () => move(1),
      ArrowDown: () => move(1),
      ArrowLeft: () => move(-1),
      ArrowUp: () => move(-1),
    };
    const act = acts[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
  // What arrived is put in place of all; the face that is looked at stays so.
  addEventListener("htmx:afterSwap", () => {
    if (current === null) return;
    byId(current)?.setAttribute("aria-current", "true");
  });
});
