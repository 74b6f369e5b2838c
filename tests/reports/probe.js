// SPDX-License-Identifier: GPL-2.0-only
// Uses the comparison page as a reader would, and leaves what it saw in <output>.
"use strict";
window.addEventListener("error", (event) => { document.title = "ERROR " + event.message; });
window.addEventListener("load", () => {
  const seen = {};
  const lines = () => [...document.querySelectorAll(".row:not(.head):not([hidden])")];
  const rows = () => lines().map((line) => line.querySelector(".id").textContent.split(" ")[0]);
  const input = (id, change) => { change(document.getElementById(id)); document.getElementById(id).dispatchEvent(new Event("input")); };
  seen.drawn = rows().length;
  seen.first = rows()[0];
  seen.text = lines()[0].textContent;
  input("search", (field) => { field.value = "ECHO ping"; });
  seen.searched = rows();
  input("search", (field) => { field.value = ""; });
  input("verdict", (field) => { field.value = "0"; });
  seen.broken = rows();
  input("verdict", (field) => { field.value = ""; });
  input("differences", (field) => { field.checked = true; });
  seen.different = rows();
  const regressed = document.querySelector(".cell.regressed");
  regressed.focus();
  regressed.click();
  seen.detail = document.querySelector(".detail").textContent;
  seen.expanded = regressed.getAttribute("aria-expanded");
  seen.hash = location.hash;
  regressed.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowLeft", bubbles: true }));
  seen.focused = document.activeElement.getAttribute("aria-label");
  seen.tabs = [...document.querySelectorAll("button.cell")].filter((one) => one.tabIndex === 0).length;
  document.activeElement.click();
  seen.details = document.querySelectorAll(".detail").length;
  document.body.innerHTML = "";
  document.body.append(Object.assign(document.createElement("output"), { id: "seen", textContent: JSON.stringify(seen) }));
});
