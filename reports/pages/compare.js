"use strict";
// Draws only the rows in view: ten thousand of them scroll as one does.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const ROW = 34, HEAD = 44, SPARE = 10;
  const NOT_TESTED = data.standings.indexOf("not tested");
  const classes = data.standings.map((name) => name.replace(" ", "_").replace("known_deviation", "deviates"));
  const $ = (id) => document.getElementById(id);
  const view = $("view"), grid = $("grid"), detail = $("detail");
  const element = (tag, properties, ...children) => {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  };

  const all = data.rows.map((row) => ({
    ...row,
    haystack: [row.id, row.text, row.area, ...row.cells.flatMap((cell) => cell.evidence.map((one) => one.check))].join(" ").toLowerCase(),
    differs: new Set(row.cells.map((cell) => cell.standing)).size > 1,
  }));
  // Regressions first, then the documents' own order.
  all.sort((a, b) => (b.regressed.length > 0) - (a.regressed.length > 0));
  let shown = all;
  let focus = { row: 0, run: 0 };

  for (const area of [...new Set(all.map((row) => row.area))].sort()) {
    $("area").append(element("option", { value: area, textContent: area }));
  }
  for (const [code, name] of data.standings.entries()) {
    $("verdict").append(element("option", { value: String(code), textContent: name }));
  }
  grid.style.setProperty("--runs", data.runs.length);
  const head = element("div", { className: "row head" },
    element("span", { textContent: "requirement" }), element("span", {}),
    ...data.runs.map((run) => element("span", { textContent: run.name, title: run.name })));
  head.setAttribute("role", "row");
  const body = element("div", {});
  body.style.position = "relative";
  grid.append(head, body);

  const regressed = all.filter((row) => row.regressed.length).length;
  $("lead").textContent = data.runs.map((run) => run.name).join(", ") +
    (regressed ? `: ${regressed} requirement${regressed > 1 ? "s" : ""} got worse between builds` : "");

  function cellOf(row, index, run) {
    const cell = row.cells[run], button = element("button", {
      type: "button",
      className: `cell ${classes[cell.standing]}${row.regressed.includes(run) ? " regressed" : ""}`,
      textContent: cell.standing === NOT_TESTED ? "–" : data.standings[cell.standing],
    });
    button.setAttribute("aria-label", `${row.id}, ${data.runs[run].name}: ${data.standings[cell.standing]}`);
    button.dataset.row = index;
    button.dataset.run = run;
    button.tabIndex = index === focus.row && run === focus.run ? 0 : -1;
    button.addEventListener("click", () => { focus = { row: index, run }; show(row, run); draw(); });
    return button;
  }

  function draw() {
    const first = Math.max(0, Math.floor((view.scrollTop - HEAD) / ROW) - SPARE);
    const last = Math.min(shown.length, Math.ceil((view.scrollTop + view.clientHeight) / ROW) + SPARE);
    const held = document.activeElement && document.activeElement.dataset && document.activeElement.dataset.row !== undefined;
    body.style.height = `${shown.length * ROW}px`;
    body.replaceChildren(...shown.slice(first, last).map((row, offset) => {
      const index = first + offset;
      const line = element("div", { className: "row" },
        element("span", { className: "id", textContent: row.id, title: row.id }),
        element("span", { className: "text", textContent: row.text, title: row.text }),
        ...row.cells.map((_cell, run) => cellOf(row, index, run)));
      line.setAttribute("role", "row");
      Object.assign(line.style, { position: "absolute", top: `${index * ROW}px`, left: 0, right: 0 });
      return line;
    }));
    if (held) {
      const wanted = body.querySelector(`[data-row="${focus.row}"][data-run="${focus.run}"]`);
      if (wanted) wanted.focus({ preventScroll: true });
    }
  }

  function show(row, run) {
    const cell = row.cells[run];
    detail.replaceChildren(
      element("h2", { textContent: row.id }),
      element("p", {}, element("a", { href: row.url, textContent: `${row.document} section ${row.section}` }), `, ${row.level}: ${row.text}`),
      element("p", {}, element("span", { className: `tag ${classes[cell.standing]}`, textContent: data.standings[cell.standing] }), ` ${data.runs[run].name}`),
      ...cell.evidence.map((one) => {
        const article = element("article", {},
          element("h3", { textContent: one.title || one.check }),
          element("p", {}, element("code", { textContent: one.check })),
          element("p", { textContent: one.detail ? `${one.verdict}: ${one.detail}` : one.verdict }));
        if (one.transcript) {
          article.append(element("details", { open: cell.evidence.length === 1 },
            element("summary", { textContent: "PDUs" }), element("pre", { textContent: one.transcript })));
        }
        return article;
      }));
    if (!cell.evidence.length) detail.append(element("p", { textContent: "No check of it ran." }));
    history.replaceState(null, "", `#${encodeURIComponent(row.id)}/${run}`);
  }

  function filter() {
    const words = $("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const area = $("area").value, verdict = $("verdict").value, only = $("differences").checked;
    shown = all.filter((row) =>
      (!area || row.area === area) && (!only || row.differs) &&
      (!verdict || row.cells.some((cell) => cell.standing === Number(verdict))) &&
      words.every((word) => row.haystack.includes(word)));
    focus = { row: 0, run: focus.run };
    view.scrollTop = 0;
    $("count").textContent = `${shown.length} of ${all.length} requirements`;
    draw();
  }

  function move(rows, runs) {
    focus = {
      row: Math.min(Math.max(focus.row + rows, 0), shown.length - 1),
      run: Math.min(Math.max(focus.run + runs, 0), data.runs.length - 1),
    };
    const top = focus.row * ROW;
    if (top < view.scrollTop) view.scrollTop = top;
    if (top + ROW + HEAD > view.scrollTop + view.clientHeight) view.scrollTop = top + ROW + HEAD - view.clientHeight;
    draw();
    const wanted = body.querySelector(`[data-row="${focus.row}"][data-run="${focus.run}"]`);
    if (wanted) { wanted.focus({ preventScroll: true }); show(shown[focus.row], focus.run); }
  }

  const STEPS = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1], PageDown: [15, 0], PageUp: [-15, 0] };
  view.addEventListener("keydown", (event) => {
    if (STEPS[event.key] && shown.length) { event.preventDefault(); move(...STEPS[event.key]); }
  });
  view.addEventListener("scroll", draw);
  window.addEventListener("resize", draw);
  for (const id of ["search", "area", "verdict", "differences"]) $(id).addEventListener("input", filter);
  filter();
  const [id, run] = decodeURIComponent(location.hash.slice(1)).split("/");
  const linked = all.findIndex((row) => row.id === id);
  if (linked >= 0) { focus = { row: linked, run: Number(run) || 0 }; view.scrollTop = linked * ROW; draw(); show(all[linked], focus.run); }
})();
