"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const NOT_TESTED = data.standings.indexOf("not tested");
  const classes = data.standings.map((name) => name.replace(" ", "_").replace("known_deviation", "deviates"));
  const $ = (id) => document.getElementById(id);
  const grid = $("grid");
  const element = (tag, properties, ...children) => {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  };
  const withRole = (node, role) => { node.setAttribute("role", role); return node; };

  for (const area of [...new Set(data.rows.map((row) => row.area))].sort()) {
    $("area").append(element("option", { value: area, textContent: area }));
  }
  for (const [code, name] of data.standings.entries()) {
    $("verdict").append(element("option", { value: String(code), textContent: name }));
  }
  grid.style.setProperty("--runs", data.runs.length);
  grid.append(withRole(element("div", { className: "row head" },
    withRole(element("span", { textContent: "requirement" }), "columnheader"),
    ...data.runs.map((name) => withRole(element("span", { textContent: name }), "columnheader"))), "row"));

  // Regressions first, then the documents' own order.
  const ordered = [...data.rows].sort((a, b) => (b.regressed.length > 0) - (a.regressed.length > 0));
  const all = ordered.map((row) => {
    const line = { row, cells: [], open: -1, detail: null };
    line.cells = row.cells.map((cell, run) => {
      const button = element("button", {
        type: "button",
        className: `cell ${classes[cell.standing]}${row.regressed.includes(run) ? " regressed" : ""}`,
        textContent: cell.standing === NOT_TESTED ? "–" : data.standings[cell.standing],
        tabIndex: -1,
      });
      button.dataset.name = data.runs[run];
      button.setAttribute("aria-label", `${row.id}, ${data.runs[run]}: ${data.standings[cell.standing]}`);
      button.setAttribute("aria-expanded", "false");
      button.addEventListener("click", () => toggle(line, run));
      button.addEventListener("focus", () => hold(button));
      return button;
    });
    line.node = withRole(element("div", { className: "row" },
      withRole(element("span", {}, element("span", { className: "id", textContent: `${row.id} ${row.level}` }), row.text), "rowheader"),
      ...line.cells.map((button) => withRole(element("span", {}, button), "cell"))), "row");
    line.haystack = [row.id, row.text, row.area, ...row.cells.flatMap((cell) => cell.evidence.map((one) => one.check))].join(" ").toLowerCase();
    line.differs = new Set(row.cells.map((cell) => cell.standing)).size > 1;
    return line;
  });
  grid.append(...all.map((line) => line.node));
  let shown = all;
  let held = null;

  // One verdict takes part in the order of the Tab key; arrows move it.
  function hold(button) {
    if (held) held.tabIndex = -1;
    held = button;
    if (held) held.tabIndex = 0;
  }

  function toggle(line, run) {
    const closes = line.open === run;
    if (line.detail) line.detail.remove();
    line.cells.forEach((button, number) => button.setAttribute("aria-expanded", String(number === run && !closes)));
    line.open = closes ? -1 : run;
    line.detail = closes ? null : detailOf(line.row, run);
    if (line.detail) {
      line.node.append(line.detail);
      history.replaceState(null, "", `#${encodeURIComponent(line.row.id)}/${run}`);
    }
  }

  function detailOf(row, run) {
    const cell = row.cells[run];
    const detail = element("div", { className: "detail" },
      element("p", {}, element("a", { href: row.url, textContent: `${row.document} section ${row.section}` }), `, ${data.runs[run]}`),
      ...cell.evidence.map((one) => {
        const article = element("article", {},
          element("h3", { textContent: one.title || one.check }),
          element("p", {}, element("code", { textContent: one.check })),
          element("p", { textContent: one.detail ? `${one.verdict}: ${one.detail}` : one.verdict }));
        if (one.transcript) {
          const pdus = element("pre", { textContent: one.transcript, tabIndex: 0 });
          article.append(element("details", { open: cell.evidence.length === 1 },
            element("summary", { textContent: "PDUs" }), pdus));
        }
        return article;
      }));
    if (!cell.evidence.length) detail.append(element("p", { textContent: "No check of it ran." }));
    return withRole(detail, "cell");
  }

  function filter() {
    const words = $("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const area = $("area").value, verdict = $("verdict").value, only = $("differences").checked;
    shown = all.filter((line) =>
      (!area || line.row.area === area) && (!only || line.differs) &&
      (!verdict || line.row.cells.some((cell) => cell.standing === Number(verdict))) &&
      words.every((word) => line.haystack.includes(word)));
    const visible = new Set(shown);
    for (const line of all) line.node.hidden = !visible.has(line);
    $("count").textContent = `${shown.length} of ${all.length} requirements`;
    hold(shown.length ? shown[0].cells[0] : null);
  }

  const STEPS = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1], PageDown: [15, 0], PageUp: [-15, 0] };
  grid.addEventListener("keydown", (event) => {
    const step = STEPS[event.key];
    const at = shown.findIndex((line) => line.cells.includes(event.target));
    if (!step || at < 0) return;
    event.preventDefault();
    const line = shown[Math.min(Math.max(at + step[0], 0), shown.length - 1)];
    const run = shown[at].cells.indexOf(event.target) + step[1];
    line.cells[Math.min(Math.max(run, 0), line.cells.length - 1)].focus();
  });
  for (const id of ["search", "area", "verdict", "differences"]) $(id).addEventListener("input", filter);
  filter();
  const [id, run] = decodeURIComponent(location.hash.slice(1)).split("/");
  const linked = all.find((line) => line.row.id === id);
  if (linked) {
    toggle(linked, Math.min(Number(run) || 0, data.runs.length - 1));
    linked.node.scrollIntoView();
  }
})();
