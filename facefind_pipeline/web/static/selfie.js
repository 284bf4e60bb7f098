// The selfie page: a picture that was chosen is shown and sent at once, unless it is too large.
"use strict";

addEventListener("DOMContentLoaded", () => {
  const form = document.getElementById("selfie");
  const preview = document.getElementById("preview");
  const word = document.getElementById("word");
  const inputs = [...form.querySelectorAll("input[type=file]")];
  for (const input of inputs) {
    input.addEventListener("change", () => {
      const [file] = input.files;
      if (!file) return;
      for (const other of inputs) if (other !== input) other.value = "";
      word.replaceChildren();
      URL.revokeObjectURL(preview.src);
      preview.src = URL.createObjectURL(file);
      preview.hidden = false;
      if (file.size > Number(form.dataset.largestBytes)) {
        const refused = document.createElement("p");
        refused.className = "refused";
        refused.setAttribute("role", "alert");
        refused.textContent = "This file is too large: choose a smaller picture.";
        word.replaceChildren(refused);
        return;
      }
      form.dispatchEvent(new Event("chosen"));
    });
  }
  // What this browser can't draw, such as HEIC on a desktop, is sent all the same.
  preview.addEventListener("error", () => { preview.hidden = true; });
  for (const failed of ["htmx:sendError", "htmx:timeout"]) {
    form.addEventListener(failed, () => {
      const refused = document.createElement("p");
      refused.className = "refused";
      refused.setAttribute("role", "alert");
      refused.textContent = "The page was not reached: look whether you are in the event's network, then try again.";
      word.replaceChildren(refused);
    });
  }
});
