// Sort a table by a column, show one group of slices, and open what is folded before printing.
for (const table of document.querySelectorAll("table[data-sortable]")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => head.querySelector("button")?.addEventListener("click", () => {
    const rising = head.getAttribute("aria-sort") !== "ascending";
    heads.forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", rising ? "ascending" : "descending");
    const value = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent.trim();
    const body = table.tBodies[0];
    const compare = (a, b) => {
      const [x, y] = [value(a), value(b)];
      if (x === "" || y === "") return (x === "") - (y === ""); // what is missing comes last, both ways
      const order = isNaN(x) || isNaN(y) ? x.localeCompare(y, "en", { numeric: true }) : x - y;
      return rising ? order : -order;
    };
    body.append(...[...body.rows].sort(compare));
  }));
}
for (const chips of document.querySelectorAll("[data-filters]")) {
  const rows = document.getElementById(chips.dataset.filters).tBodies[0].rows;
  chips.hidden = false;
  chips.addEventListener("click", ({ target }) => {
    if (!target.matches("button")) return;
    for (const chip of chips.children) chip.setAttribute("aria-pressed", chip === target);
    for (const row of rows) row.hidden = target.value !== "" && row.dataset.group !== target.value;
  });
}
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((each) => (each.open = true)));
