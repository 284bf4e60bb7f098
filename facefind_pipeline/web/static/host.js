// Forms of the host's pages send JSON, which no other site's page can: the answer is put where the form says.
"use strict";

async function post(address, values) {
  try {
    const answer = await fetch(address, {
      method: "POST",
      headers: { "Content-Type": "application/json", "HX-Request": "true" },
      body: JSON.stringify(values),
    });
    return { ok: answer.ok, html: await answer.text() };
  } catch {
    return { ok: false, html: '<p class="refused" role="alert">This page is not served any more.</p>' };
  }
}

/** The content of a file, without a line of its address, as base64. */
function base64(file) {
  return new Promise((done, failed) => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.onerror = () => failed(reader.error);
    reader.readAsDataURL(file);
  });
}

async function valuesOf(form) {
  const values = {};
  for (const [name, value] of new FormData(form)) {
    if (value instanceof File) {
      values[name] = await base64(value);
      values.filename = value.name;
    } else {
      values[name] = name in values ? [values[name], value].flat() : value;
    }
  }
  return values;
}

addEventListener("submit", async (event) => {
  const form = event.target.closest("form[data-post]");
  if (!form) return;
  event.preventDefault();
  const buttons = [...form.querySelectorAll("button")];
  for (const button of buttons) button.disabled = true;
  const address = event.submitter?.dataset.post ?? form.dataset.post;
  const { html } = await post(address, await valuesOf(form));
  form.querySelector(".word").innerHTML = html; // our own server's, its values escaped
  for (const button of buttons) button.disabled = false;
});

// What arrived is put in place of what was there: not while somebody types in it, and what was marked stays so.
let marked = [];

addEventListener("htmx:beforeSwap", (event) => {
  const typing = document.activeElement?.matches("input:not([type=checkbox])");
  if (typing && event.target.contains(document.activeElement)) event.detail.shouldSwap = false;
  marked = [...document.querySelectorAll("input[type=checkbox][form]:checked")].map((box) => box.value);
});

addEventListener("htmx:afterSwap", () => {
  for (const box of document.querySelectorAll("input[type=checkbox][form]")) box.checked = marked.includes(box.value);
});
