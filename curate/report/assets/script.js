
"use strict";
// Draws the report from the facts in the page. Text from the dataset only ever becomes text nodes.
const facts = JSON.parse(document.getElementById("facts").textContent);
const report = document.getElementById("report");
const SVG = "http://www.w3.org/2000/svg";
const count = new Intl.NumberFormat("en-US");
const short = new Intl.NumberFormat("en-US", { notation: "compact", maximumSignificantDigits: 3 });

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

function drawn(name, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function table(heads, rows) {
  const cell = (name, value, numeric) =>
    element(name, numeric ? { class: "number" } : {}, typeof value === "number" ? count.format(value) : value ?? "");
  const numeric = heads.map((_, at) => rows.every((row) => typeof row[at] === "number"));
  return element("div", { class: "wide" }, element("table", {},
    element("thead", {}, element("tr", {}, ...heads.map((head, at) => cell("th", head, numeric[at])))),
    element("tbody", {}, ...rows.map((row) => element("tr", {}, ...row.map((value, at) => cell("td", value, numeric[at])))))));
}

const contents = element("nav", { "aria-label": "sections" });

function section(id, title, remark, ...children) {
  contents.append(element("a", { href: `#${id}` }, title));
  report.append(element("section", { id }, element("h2", {}, title), remark ? element("p", { class: "faint" }, remark) : null, ...children));
}

function share(part, whole) {
  const percent = 100 * part / whole;
  return whole ? `${percent.toLocaleString("en-US", { maximumSignificantDigits: percent < 10 ? 2 : 3 })}%` : "";
}

// --- what came in, what is left ------------------------------------------------------------------

function heading() {
  const figure = (value, words) => element("div", {}, element("b", {}, count.format(value)), words);
  const splits = Object.entries(facts.splits).map(([name, rows]) => `${count.format(rows)} ${name}`).join(", ");
  report.append(
    element("h1", {}, facts.name),
    element("div", { class: "faint" }, `${facts.shape} records: ${splits}`),
    element("div", { class: "figures" },
      figure(facts.rows, "rows read"), figure(facts.refused, "refused"),
      figure(facts.dropped, "dropped"), figure(facts.kept, "kept")),
    contents);
}

function flow() {
  const most = Math.max(1, ...facts.stages.map((one) => Math.max(one.entered, one.left)));
  const width = (rows) => (rows ? Math.max(1, 100 * rows / most) : 0);
  const box = element("div", { class: "flow" });
  for (const one of facts.stages) {
    const taken = one.taken.reduce((sum, loss) => sum + loss.rows, 0);
    const before = width(one.entered), after = width(one.left), lost = Math.min(width(taken), before);
    const picture = drawn("svg", { viewBox: "0 0 130 100", preserveAspectRatio: "none", role: "img", "aria-label": `${one.stage}: ${one.entered} in, ${one.left} left` },
      drawn("polygon", { class: "band", points: `0,0 ${before},0 ${after},100 0,100` }));
    if (lost) picture.append(drawn("path", { class: "loss", d: `M${before - lost},0 L${before},0 Q${before},55 130,${62} L130,${62 + Math.max(4, lost / 3)} Q${before - lost},75 ${before - lost},0 Z` }));
    const words = one.made ? ` (${count.format(Math.abs(one.made))} ${one.made > 0 ? "more" : "fewer"} made)` : "";
    box.append(picture, element("div", { class: "said" },
      element("h3", {}, `${one.stage}: ${count.format(one.entered)} → ${count.format(one.left)}${words}`),
      element("ul", {}, ...one.taken.map((loss) => element("li", {}, element("b", {}, count.format(loss.rows)), element("span", {}, `${loss.kind === "refused" ? "refused: " : ""}${loss.reason}`))))));
  }
  section("flow", "Where the rows went", "Each band is as wide as the rows it carries; what leaves it is red, with the reason beside it.", box);
}

function sources() {
  section("sources", "Sources", "", table(["source", "format", "licence", "rows", "refused", "dropped", "kept"],
    facts.sources.map((one) => [one.name, one.format, one.license ?? "not said", one.rows, one.refused, one.dropped, one.kept])));
  for (const column of facts.columns) {
    const rows = column.values.map(([value, rows]) => [value, rows, share(rows, facts.kept)]);
    const unsaid = facts.kept - column.rest - column.values.reduce((sum, [, rows]) => sum + rows, 0);
    for (const [name, more] of [["others", column.rest], ["not said", unsaid]])
      if (more) rows.push([name, more, share(more, facts.kept)]);
    section(column.name, TITLES[column.name], "", table([column.name === "language" ? "language" : "model", "kept", "share"], rows));
  }
}

const TITLES = { language: "Languages", chosen_model: "Models of chosen answers", rejected_model: "Models of rejected answers", model: "Models" };

// --- thresholds that can be moved ----------------------------------------------------------------

const COMPARE = {
  "<=": (a, b) => a <= b, ">=": (a, b) => a >= b, "<": (a, b) => a < b,
  ">": (a, b) => a > b, "==": (a, b) => a === b, "!=": (a, b) => a !== b,
};

function thresholds() {
  const known = facts.rules.filter((rule) => facts.sample.values[rule.signal]);
  if (!known.length) return;
  const live = known.map((rule) => ({ ...rule }));
  const exact = facts.sample.rows === facts.sample.of;
  const scale = facts.sample.of / facts.sample.rows;
  const told = (rows) => (exact ? count.format(rows) : `about ${count.format(Math.round(rows * scale))}`);
  const fails = (rule, row) => {
    const value = facts.sample.values[rule.signal][row];
    return value !== null && !COMPARE[rule.op](value, rule.threshold);
  };
  const fill = element("div"), words = element("p", {}), outputs = [], rows = [];
  const renew = () => {
    const alone = live.map(() => 0);
    let kept = 0;
    for (let row = 0; row < facts.sample.rows; row++) {
      let stays = true;
      live.forEach((rule, at) => { if (fails(rule, row)) { alone[at] += 1; stays = false; } });
      if (stays) kept += 1;
    }
    live.forEach((rule, at) => {
      const moved = rule.threshold !== known[at].threshold ? ` (was ${known[at].threshold})` : "";
      outputs[at].textContent = `${rule.op} ${rule.threshold}${moved}: takes ${told(alone[at])}`;
    });
    fill.style.width = `${100 * kept / facts.sample.rows}%`;
    words.textContent = `${told(kept)} of ${count.format(facts.sample.of)} records would be kept (${share(kept, facts.sample.rows)}).`;
  };
  live.forEach((rule, at) => {
    const values = [...new Set(facts.sample.values[rule.signal].filter((value) => value !== null).concat(rule.threshold))].sort((a, b) => a - b);
    const slider = element("input", { type: "range", min: 0, max: values.length - 1, value: values.indexOf(rule.threshold), "aria-label": rule.text });
    const output = element("output", {});
    outputs.push(output);
    slider.addEventListener("input", () => { rule.threshold = values[Number(slider.value)]; renew(); });
    rows.push(element("div", { class: "rule" }, element("code", {}, rule.text), slider, output));
  });
  renew();
  section("rules", "Rules, and what if they were others",
    `A rule says what is kept. Move a threshold and the counts follow${exact ? "" : `, estimated from ${count.format(facts.sample.rows)} of the records`}; nothing is changed on disk. To make it so: curate filter DIR -o DIR2 --rule '…'`,
    element("div", { class: "meter" }, fill), words, element("div", { class: "rules" }, ...rows));
}

// --- distributions -------------------------------------------------------------------------------

function chart(one) {
  const W = 320, H = 110, base = 88;
  const bars = one.edges.length - 1;
  const most = Math.max(1, ...one.bars.flatMap((side) => side.kept.map((kept, at) => kept + side.dropped[at])));
  const step = W / bars, height = (rows) => (rows ? Math.max(1.2, (base - 6) * rows / most) : 0);
  const picture = drawn("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": `distribution of ${one.title}` });
  one.bars.forEach((side, which) => {
    const thin = one.bars.length > 1 ? step / 2 : step;
    for (let at = 0; at < bars; at++) {
      const x = at * step + (one.bars.length > 1 ? which * thin : 0) + .4, w = Math.max(.8, thin - .8);
      const kept = height(side.kept[at]), gone = height(side.dropped[at]);
      if (kept) picture.append(drawn("rect", { class: `bar ${side.side || "plain"}`, x, y: base - kept, width: w, height: kept }));
      if (gone) picture.append(drawn("rect", { class: "gone", x, y: base - kept - gone, width: w, height: gone }));
    }
  });
  const place = (value) => {
    let at = one.edges.findIndex((edge) => edge > value) - 1;
    if (at === -2) at = bars;
    if (at < 0) return 0;
    const low = one.edges[at], high = one.edges[at + 1] ?? low + 1;
    if (one.whole) return (at + .5) * step;
    return Math.min(W, (at + (value - low) / (high - low || 1)) * step);
  };
  for (const rule of one.rules) {
    const x = Math.max(1, Math.min(W - 1, place(rule.threshold)));
    picture.append(drawn("line", { class: "threshold", x1: x, x2: x, y1: 0, y2: base }, drawn("title", {}, rule.text)));
  }
  const label = (x, anchor, value) => drawn("text", { class: "axis", x, y: H - 6, "text-anchor": anchor }, short.format(value));
  picture.append(drawn("line", { x1: 0, x2: W, y1: base, y2: base, stroke: "currentColor", "stroke-opacity": .3 }));
  const middle = Math.floor(bars / 2);
  if (one.whole) { // each bar is one number, which stands below it
    const every = Math.ceil(bars / 8);
    for (let at = 0; at < bars; at += every) picture.append(label((at + .5) * step, "middle", one.edges[at]));
  } else {
    picture.append(label(0, "start", one.edges[0]), label(W, "end", one.edges[bars]));
    if (bars > 4) picture.append(label(middle * step, "middle", one.edges[middle]));
  }
  const keys = one.bars.map((side) => element("span", { class: `key ${side.side || "plain"}` }, `${side.side || "all"}${side.median === null ? "" : `, median ${short.format(side.median)}`}`));
  const missing = Math.max(...one.bars.map((side) => side.missing));
  return element("div", { class: "card" }, element("h3", {}, one.title.replaceAll("_", " ")),
    element("div", { class: "faint" }, `${one.about}${one.powers ? " Powers along the axis." : ""}${missing ? ` Not measurable in ${count.format(missing)}.` : ""}`),
    picture, element("div", {}, ...keys),
    ...one.rules.map((rule) => element("div", { class: "faint" }, "kept where ", element("code", {}, rule.text))));
}

function charts() {
  if (!facts.charts.length) return;
  section("measures", "Measures", "Every record that was measured. Red is what was dropped, by whatever rule; a dashed line is a rule's threshold; the end bars hold what lies beyond them.",
    element("div", { class: "charts" }, ...facts.charts.map(chart)));
  if (facts.constant.length)
    section("constant", "Measures with one value for all", "", table(["signal", "what it says", "value"],
      facts.constant.map((one) => [one.signal, one.about, one.value === null ? "not measurable" : String(one.value)])));
}

// --- rows to read --------------------------------------------------------------------------------

const WORDS = 2000; // words and gaps; more than this a side are shown without marks: comparing them takes long

function words(text) { return text.match(/\s+|[^\s]+/g) ?? []; }

// Marks which words of each side are not in the longest common sequence of the two.
function compared(left, right) {
  const a = words(left), b = words(right);
  if (a.length > WORDS || b.length > WORDS) return [[{ text: left }], [{ text: right }]];
  const n = b.length + 1, best = new Uint16Array((a.length + 1) * n);
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      best[i * n + j] = a[i] === b[j] ? best[(i + 1) * n + j + 1] + 1 : Math.max(best[(i + 1) * n + j], best[i * n + j + 1]);
  const marked = [[], []];
  const put = (side, text, own) => {
    const last = marked[side].at(-1);
    if (last && last.own === own) last.text += text; else marked[side].push({ text, own });
  };
  let i = 0, j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) { put(0, a[i++], false); put(1, b[j++], false); }
    else if (j >= b.length || (i < a.length && best[(i + 1) * n + j] >= best[i * n + j + 1])) put(0, a[i++], true);
    else put(1, b[j++], true);
  }
  return marked;
}

function turn(role, pieces, marking) {
  const text = element("div", { class: "text" }, ...pieces.map((piece) => (piece.own ? element("span", { class: marking }, piece.text) : piece.text)));
  return element("div", { class: "said-turn" }, element("div", { class: "role" }, role), text);
}

function conversation(turns) { return (turns ?? []).map((one) => turn(one.role, [{ text: one.content }], "")); }

function scores(one) {
  const said = ["label", "chosen_score", "rejected_score", "strength", "votes"].filter((name) => name in one)
    .map((name) => `${name.replace("_", " ")} ${one[name]}`);
  return said.length ? element("div", { class: "faint" }, said.join(", ")) : null;
}

function whereFrom(one) { return `${one.source}, row ${count.format(one.source_row)}`; }

function row(one) {
  const box = element("article", { class: "card" }, element("h3", {}, one.id ? `${one.id} ` : "", element("span", { class: "faint" }, whereFrom(one))));
  if (one.reason) box.append(element("div", {}, one.reason));
  if (one.also?.length) box.append(element("div", { class: "faint" }, `also fails ${one.also.join(", ")}`));
  box.append(scores(one) ?? "", ...conversation(one.prompt));
  if (one.chosen || one.rejected) {
    const single = one.chosen?.length === 1 && one.rejected?.length === 1;
    const marked = single ? compared(one.chosen[0].content, one.rejected[0].content) : null;
    const side = (name, at, marking) => element("div", { class: `side ${name}` }, element("h3", {}, name),
      ...(marked ? [turn(one[name][0].role, marked[at], marking)] : conversation(one[name])));
    box.append(element("div", { class: "sides" }, side("chosen", 0, "added"), side("rejected", 1, "removed")));
  }
  box.append(...conversation(one.completion), ...conversation(one.responses));
  if (one.raw) box.append(turn("as read", [{ text: one.raw }], ""));
  return box;
}

// Heaps of things to page through, one at a time: each heap is { name, rows }.
function pager(label, heaps, draw) {
  const choice = element("select", { "aria-label": label }, ...heaps.map((heap, at) => element("option", { value: at }, heap.name)));
  const back = element("button", { type: "button" }, "Back"), on = element("button", { type: "button" }, "Next");
  const where = element("span", { class: "faint" }), place = element("div");
  let heap = heaps[0], at = 0;
  const show = () => {
    place.replaceChildren(draw(heap.rows[at]));
    where.textContent = `${at + 1} of the ${heap.rows.length} shown`;
    back.disabled = at === 0;
    on.disabled = at === heap.rows.length - 1;
  };
  choice.addEventListener("change", () => { heap = heaps[Number(choice.value)]; at = 0; show(); });
  back.addEventListener("click", () => { at -= 1; show(); });
  on.addEventListener("click", () => { at += 1; show(); });
  show();
  return element("div", {}, element("div", { class: "pager" }, choice, back, on, where), place);
}

function reader() {
  const heaps = [
    ...facts.reasons.map((one) => ({ name: `${one.kind} at ${one.stage}: ${one.rule}`, rows: one.examples })),
    { name: "kept", rows: facts.examples },
  ].filter((heap) => heap.rows.length);
  if (!heaps.length) return;
  section("rows", "Rows to read", "Some rows of every reason, and some that were kept. Words that only one answer has are marked. The whole story of one: curate explain DIR ID",
    pager("which rows to read", heaps, row));
}

// --- shortcuts -----------------------------------------------------------------------------------

const STRONGEST = 12;

function shortcutRows(found) {
  return found.map((one) => {
    const x = (value) => 4 + 112 * value;
    const clear = one.low > .5 || one.high < .5;
    const picture = drawn("svg", { viewBox: "0 0 120 14", class: "auc", role: "img", "aria-label": `AUC ${one.auc}, from ${one.low} to ${one.high}` },
      drawn("line", { class: "half", x1: x(.5), x2: x(.5), y1: 0, y2: 14 }),
      drawn("line", { class: clear ? "reach clear" : "reach", x1: x(one.low), x2: x(one.high), y1: 7, y2: 7 }),
      drawn("circle", { class: clear ? "clear" : "unclear", cx: x(one.auc), cy: 7, r: 4 }));
    return element("tr", {}, element("td", {}, element("b", {}, one.name.replaceAll("_", " ")), element("div", { class: "faint" }, one.about)),
      element("td", { class: "number" }, one.auc.toFixed(3)), element("td", {}, picture),
      element("td", { class: "number minor" }, `${one.low.toFixed(3)} to ${one.high.toFixed(3)}`),
      element("td", { class: "number minor" }, count.format(one.pairs)), element("td", { class: "number minor" }, share(one.ties, one.pairs)));
  });
}

function shortcuts() {
  if (!facts.shortcuts.length) return;
  const heads = [["signal", ""], ["AUC", "number"], ["0 to 1", ""], ["95 %", "number minor"], [facts.shape === "pair" ? "pairs" : "records", "number minor"], ["ties", "number minor"]];
  const grid = (found) => element("div", { class: "wide" }, element("table", { class: "shortcuts" },
    element("thead", {}, element("tr", {}, ...heads.map(([head, as]) => element("th", as ? { class: as } : {}, head)))),
    element("tbody", {}, ...shortcutRows(found))));
  const more = facts.shortcuts.slice(STRONGEST);
  section("shortcuts", "Shortcuts", "How well one measure alone tells which answer was preferred: 0.5 (the line) says nothing, 1 that the higher one always is, 0 the lower. What is far from the line is what a model learns first. To take one away: curate balance DIR -o DIR2 --on SIGNAL",
    grid(facts.shortcuts.slice(0, STRONGEST)),
    more.length ? element("details", {}, element("summary", {}, `${more.length} weaker ones`), grid(more)) : null);
}

// --- duplicates and conflicts --------------------------------------------------------------------

const NAMED = { exact: "exact copies", near: "near-duplicates", semantic: "the same in other words", conflict: "conflicts", strengths: "the same pair, another strength" };
const SIDES = ["prompt", "chosen", "rejected", "completion"];

function kindOf(one) { return one.kind === "conflict" ? NAMED.conflict : `${NAMED[one.kind] ?? one.kind}, by ${one.over}`; }

function wordsOf(turns) { return (turns ?? []).map((one) => one.content).join("\n\n"); }

function fateOf(member) {
  const near = member.similarity === null ? "" : `, ${member.similarity} alike to ${member.of}`;
  return `${member.kept ? "stays" : "goes"}${member.kept && member.split === null ? " here, went for something else" : ""}${near}`;
}

function named(member) {
  return element("div", {}, element("b", {}, member.id), ` ${fateOf(member)} `,
    member.record ? element("span", { class: "faint" }, whereFrom(member.record)) : null, member.record ? scores(member.record) : null);
}

// Two records side by side, word by word; what is the same in both stands once.
function besides(one, other) {
  const box = element("div");
  for (const side of SIDES) {
    const left = wordsOf(one.record?.[side]), right = wordsOf(other.record?.[side]);
    if (!left && !right) continue;
    if (left === right) { box.append(turn(`${side}, the same in both`, [{ text: left }], "")); continue; }
    const marked = compared(left, right);
    box.append(element("div", { class: "sides" }, turn(`${side} of ${one.id}`, marked[0], "differs"), turn(`${side} of ${other.id}`, marked[1], "differs")));
  }
  return box;
}

// A conflict: its answers by letter, and which of them each record calls the better one.
function opposed(members) {
  const answers = [...new Set(members.flatMap((one) => [wordsOf(one.record?.chosen), wordsOf(one.record?.rejected)]))].filter((text) => text);
  const letter = (turns) => String.fromCharCode(65 + answers.indexOf(wordsOf(turns)));
  const marked = answers.length === 2 ? compared(...answers) : answers.map((text) => [{ text }]);
  return element("div", {}, ...members.map((one) => element("div", { class: "claim" }, element("b", {}, `${letter(one.record?.chosen)} over ${letter(one.record?.rejected)}`), named(one))),
    ...conversation(members[0].record?.prompt),
    element("div", { class: "sides" }, ...answers.map((_, at) => turn(`answer ${String.fromCharCode(65 + at)}`, marked[at], "differs"))));
}

function cluster(one) {
  const [first, ...others] = one.members;
  const shown = one.members.length < one.size ? `, ${one.members.length} of them here` : "";
  const box = element("article", { class: "card" }, element("h3", {}, `${count.format(one.size)} records${shown}`));
  if (one.kind === "conflict" && first.record?.chosen) { box.append(opposed(one.members)); return box; }
  box.append(named(first));
  for (const other of others) box.append(named(other), besides(first, other));
  return box;
}

function clusters() {
  if (!facts.clusters.length) return;
  const sizes = (one) => one.sizes.map(([low, high, n]) => `${count.format(n)} of ${low === high ? low : high ? `${low} to ${high}` : `${low} and more`}`).join(", ");
  const rows = facts.clusters.map((one) => [kindOf(one), one.clusters, one.records, one.gone, one.least === null ? "" : `${one.least} (${one.median})`, sizes(one)]);
  const heaps = facts.clusters.map((one) => ({ name: kindOf(one), rows: one.examples.map((example) => ({ kind: one.kind, ...example })) })).filter((heap) => heap.rows.length);
  section("duplicates", "Duplicates and conflicts", "Records that repeat or contradict each other, in clusters. All of them are in clusters/; below are the least alike and the largest, with what differs marked.",
    table(["what", "clusters", "records", "went", "least alike (median)", "clusters by size"], rows),
    heaps.length ? pager("which clusters to read", heaps, cluster) : null);
}

// --- benchmarks ----------------------------------------------------------------------------------

function hit(one) {
  const text = element("div", { class: "text" }, ...one.pieces.map(([words, inside]) => (inside ? element("mark", {}, words) : words)));
  return element("article", { class: "card" },
    element("h3", {}, `${one.benchmark}, question ${one.question}`),
    element("div", {}, `${share(one.covered, 1)} of its words are in ${one.side} of ${one.id}, ${count.format(one.words)} of them in a row`),
    element("div", { class: "said-turn" }, element("div", { class: "role" }, `${one.side}, turn ${one.turn + 1}`), text));
}

function benchmarks() {
  if (!facts.contamination) return;
  const { benchmarks: met, examples, phrases } = facts.contamination;
  const sides = ["prompt", "chosen", "rejected", "completion"].filter((side) => met.some((one) => side in one.sides));
  const heaps = met.map((one) => ({ name: one.benchmark, rows: examples.filter((example) => example.benchmark === one.benchmark) })).filter((heap) => heap.rows.length);
  section("benchmarks", "Questions of benchmarks",
    met.length ? "Records that hold a benchmark's questions, as the mode of the recipe counts it; what they share is marked. All hits are in contamination/." : "Phrases of benchmarks were met, but no question of one.",
    met.length ? table(["benchmark", "questions", "records", ...sides.map((side) => `in ${side}`)], met.map((one) => [one.benchmark, one.questions, one.records, ...sides.map((side) => one.sides[side] ?? 0)])) : null,
    heaps.length ? pager("which benchmark to read", heaps, hit) : null,
    phrases.length ? element("details", {}, element("summary", {}, "phrases that everybody uses, which did not count"),
      table(["phrase", "words", "in other prompts or questions", "records here"], phrases.map((one) => [one.text, one.words, one.common, one.records]))) : null);
}

// --- what people said ----------------------------------------------------------------------------

const LETTERS = ["A is better", "B is better", "tie", "both bad"];

function part(measure) {
  return measure.value === null ? "" : `${share(measure.value, 1)} of ${count.format(measure.n)}`;
}

function confusion(name, counts) {
  const rows = counts.map((line, at) => {
    const total = line.reduce((one, other) => one + other, 0) || 1;
    return element("tr", {}, element("th", {}, LETTERS[at]), ...line.map((said) => {
      const cell = element("td", { class: "number shade" }, count.format(said));
      cell.style.setProperty("--share", `${Math.round(100 * said / total)}%`);
      return cell;
    }));
  });
  return element("figure", {}, element("figcaption", {}, name), element("table", {},
    element("tr", {}, element("th"), ...LETTERS.map((letter) => element("th", { class: "number" }, letter))), ...rows));
}

function people() {
  if (!facts.people) return;
  const { asked, answered, verdicts, agreement, annotators, confusion: counts } = facts.people;
  const alpha = agreement.alpha_nominal;
  const agreed = alpha.value === null ? "" : ` Krippendorff's alpha is ${alpha.value.toFixed(3)} (${alpha.low?.toFixed(3)} to ${alpha.high?.toFixed(3)}): 1 is agreement, 0 what chance gives.`;
  section("people", "What people said",
    `${count.format(asked)} records were put to people, ${count.format(answered)} have answers.${agreed} Every answer is in annotations/.`,
    table(["what became of the records", "records"], Object.entries(verdicts)),
    table(["annotator", "answers", "right on gold", "with most others", "says A", "the longer one"],
      annotators.map((one) => [one.name, one.answers, part(one.gold), part(one.consensus), part(one.first), part(one.longer)])),
    element("ul", {}, ...annotators.flatMap((one) => one.remarks.map((said) => element("li", {}, `${one.name} ${said}`)))),
    element("details", {}, element("summary", {}, "what each said (across), where what came out (down)"),
      element("div", { class: "wide" }, ...Object.entries(counts).map(([name, table]) => confusion(name, table)))));
}

heading();
flow();
sources();
thresholds();
charts();
shortcuts();
clusters();
benchmarks();
people();
reader();
