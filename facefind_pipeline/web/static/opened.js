// A link that was opened leads on to its photos, and leaves the browser's history with its token.
"use strict";

addEventListener("DOMContentLoaded", () => location.replace(document.getElementById("folder").href));
