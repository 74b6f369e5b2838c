// SPDX-License-Identifier: GPL-2.0-only
// Uses the comparison page as a reader would, and leaves what it saw in <output>.
"use strict";
window.addEventListener("error", (event) => { document.title = "ERROR " + event.message; });
window.addEventListener("load", () => {
  const seen = {};
  const rows = () => [...document.querySelectorAll(".row:not(.head) .id")].map((one) => one.textContent);
  const input = (id, change) => { change(document.getElementById(id)); document.getElementById(id).dispatchEvent(new Event("input")); };
  seen.drawn = rows().length;
  seen.first = rows()[0];
  input("search", (field) => { field.value = "ECHO ping"; });
  seen.searched = rows();
  input("search", (field) => { field.value = ""; });
  input("verdict", (field) => { field.value = "0"; });
  seen.broken = rows();
  input("verdict", (field) => { field.value = ""; });
  input("differences", (field) => { field.checked = true; });
  seen.different = rows();
  document.querySelector(".cell.regressed").click();
  seen.detail = document.getElementById("detail").textContent;
  seen.hash = location.hash;
  document.getElementById("view").dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowLeft", bubbles: true }));
  seen.focused = document.activeElement.getAttribute("aria-label");
  document.body.innerHTML = "";
  document.body.append(Object.assign(document.createElement("output"), { id: "seen", textContent: JSON.stringify(seen) }));
});
