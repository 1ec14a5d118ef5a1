// One pair after another; answers are kept in this browser, and the key is read when all are given.
const get = (id) => document.getElementById(id);
const test = JSON.parse(get("listening-test").textContent);
const storageName = `music-rnn-listen-${test.id}`;
const player = new NotePlayer();
const plays = ["prompt", "A", "B"].map((side) => get(`play-${side}`));
const [choice, sure] = ["choice", "sure"].map((name) => get("answer").elements[name]);
let state = loadState();
let playing = null; // side that sounds
let shownSince = performance.now();

function makeState() {
  const answers = test.pairs.map(() => ({ choice: "", sure: "", seconds: 0, heard: [] }));
  return { answers, position: 0, isRevealed: false };
}

function loadState() {
  try {
    const stored = JSON.parse(localStorage.getItem(storageName));
    if (stored && stored.answers.length === test.pairs.length) return stored;
  } catch {
    forgetStorage();
  }
  return makeState();
}

function saveState() {
  try {
    localStorage.setItem(storageName, JSON.stringify(state));
  } catch {
    forgetStorage();
  }
}

function forgetStorage() {
  get("storage").textContent = "This browser keeps no answers for this page: do not close it before the end. Nothing is sent.";
}

const currentAnswer = () => state.answers[state.position];
const countAnswers = () => state.answers.filter((answer) => answer.choice).length;

// Listening

function collectNotes(side) {
  const pair = test.pairs[state.position];
  const prompt = notesOf(pair.prompt);
  const join = pair.join / 100;
  if (side === "prompt") return [prompt, Math.max(join, ...prompt.map((note) => note.onset + note.held))];
  const continuation = notesOf(pair[side]);
  if (!get("join").checked) return [continuation, test.seconds];
  const later = continuation.map((note) => ({ ...note, onset: note.onset + join }));
  return [[...prompt, ...later], join + test.seconds];
}

function togglePlay(side) {
  if (playing === side) return player.stop();
  player.stop();
  playing = side;
  player.synth.setVolume(Number(get("volume").value));
  const [notes, seconds] = collectNotes(side);
  player.play(notes, seconds, (share) => showPlay(side, share));
  const heard = currentAnswer().heard;
  if (!heard.includes(side)) heard.push(side);
  saveState();
  showPair();
  announce(`Playing ${side}`);
}

// Show how much of a side is over; null where it ends.
function showPlay(side, share) {
  get(`play-${side}`).querySelector(".done").style.transform = `scaleX(${share ?? 0})`;
  if (share !== null) return;
  playing = null;
  showPlays();
}

function showPlays() {
  for (const button of plays) {
    const side = button.dataset.side;
    const isPlaying = side === playing;
    button.classList.toggle("playing", isPlaying);
    button.classList.toggle("heard", currentAnswer().heard.includes(side));
    button.querySelector(".state").textContent = isPlaying ? "■" : "▶";
    button.setAttribute("aria-label", `${isPlaying ? "Stop" : "Play"} ${side}`);
  }
}

function announce(text) {
  get("status").textContent = text;
}

// Answering

function canAnswer() {
  return ["A", "B"].every((side) => currentAnswer().heard.includes(side));
}

function isLast() {
  return state.position === test.pairs.length - 1;
}

function showPair() {
  const answer = currentAnswer();
  get("position").textContent = `Pair ${state.position + 1} of ${test.pairs.length}`;
  get("progress").value = countAnswers();
  get("progress").textContent = `${countAnswers()} of ${test.pairs.length}`;
  get("choice-box").disabled = !canAnswer();
  get("sure-box").disabled = !answer.choice;
  get("listen-first").hidden = canAnswer();
  for (const radio of get("answer").querySelectorAll("input")) radio.checked = answer[radio.name] === radio.value;
  get("back").disabled = state.position === 0;
  get("next").disabled = !answer.choice;
  get("next").textContent = isLast() ? "Show the result" : "Next pair";
  showPlays();
}

function addTime() {
  const now = performance.now();
  currentAnswer().seconds += (now - shownSince) / 1000;
  shownSince = now;
}

function keepAnswer() {
  const answer = currentAnswer();
  if (!answer.choice) addTime(); // up to the first choice
  answer.choice = choice.value;
  answer.sure = sure.value;
  saveState();
  showPair();
}

function choose(side) {
  if (!canAnswer()) return;
  choice.value = side;
  keepAnswer();
  announce(`${side} is the person`);
}

function moveTo(position) {
  player.stop();
  if (!currentAnswer().choice) addTime();
  state.position = position;
  shownSince = performance.now();
  saveState();
  showPair();
  announce(get("position").textContent);
}

function goOn() {
  if (!currentAnswer().choice) return;
  if (!isLast()) return moveTo(state.position + 1);
  player.stop();
  state.isRevealed = true;
  saveState();
  showResult();
  get("result-title").focus();
}

// Result

function readKey() {
  const bytes = Uint8Array.from(atob(test.key), (sign) => sign.charCodeAt(0));
  return JSON.parse(new TextDecoder().decode(bytes));
}

function makeRows() {
  const key = readKey();
  return state.answers.map((answer, k) => {
    const isRight = answer.choice === key[k].real;
    return { item: k + 1, ...key[k], choice: answer.choice, right: Number(isRight), seconds: answer.seconds.toFixed(1), sure: answer.sure };
  });
}

function scoreRows(name, rows) {
  const right = rows.filter((row) => row.right).length;
  const [low, high] = computeExactInterval(right, rows.length);
  return { name, count: rows.length, right, low, high };
}

const percent = (share) => `${Math.round(100 * share)} %`;

function describeScore({ low, high }) {
  const interval = `The 95 % interval is ${percent(low)} to ${percent(high)}.`;
  if (low > 0.5) return `${interval} It lies above 50 %: you can tell the person from the models.`;
  if (high < 0.5) return `${interval} It lies below 50 %: you took the models for the person.`;
  return `${interval} It contains 50 %, which guessing gives: these pairs do not show that you can tell the person from the models.`;
}

function fillTable(id, rows) {
  get(id).replaceChildren(...rows.map((cells) => {
    const row = document.createElement("tr");
    row.append(...cells.map((text, k) => {
      const cell = document.createElement(k ? "td" : "th");
      if (!k) cell.scope = "row";
      cell.textContent = text;
      return cell;
    }));
    return row;
  }));
}

function showResult() {
  const rows = makeRows();
  const models = [...new Set(rows.map((row) => row.model))].sort();
  const total = scoreRows("all", rows);
  const scores = models.map((model) => scoreRows(model, rows.filter((row) => row.model === model)));
  if (models.length > 1) scores.push(total);
  get("share").textContent = `${total.right} of ${total.count} right (${percent(total.right / total.count)})`;
  get("meaning").textContent = describeScore(total);
  fillTable("by-model", scores.map(({ name, count, right, low, high }) =>
    [name, count, right, percent(right / count), `${Math.round(100 * low)} to ${percent(high)}`]));
  fillTable("by-pair", rows.map((row) => [row.item, row.choice, row.real, row.right ? "yes" : "no", row.model, row.piece]));
  get("export").href = `data:text/csv;charset=utf-8,${encodeURIComponent(formatCsv(rows))}`;
  get("intro").hidden = get("test").hidden = true;
  get("result").hidden = false;
}

function formatCsv(rows) {
  const columns = ["item", "model", "piece", "choice", "right", "seconds", "sure"];
  const quote = (value) => (/[",\r\n]/.test(value) ? `"${String(value).replaceAll('"', '""')}"` : String(value));
  const lines = rows.map((row) => columns.map((name) => quote(row[name])).join(","));
  return [columns.join(","), ...lines, ""].join("\n");
}

function startAgain() {
  if (!confirm("Delete these answers and start again? You know the right ones now.")) return;
  state = makeState();
  saveState();
  shownSince = performance.now();
  get("intro").hidden = get("test").hidden = false;
  get("result").hidden = true;
  showPair();
  get("main").focus();
}

// Controls

const shortcuts = { p: () => togglePlay("prompt"), a: () => togglePlay("A"), b: () => togglePlay("B"), 1: () => choose("A"), 2: () => choose("B") };

function handleKey(event) {
  if (state.isRevealed || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  const isControl = event.target.closest("button, a, summary");
  if (event.key === "Enter" && !isControl) goOn();
  else shortcuts[event.key.toLowerCase()]?.();
}

for (const button of plays) button.addEventListener("click", () => togglePlay(button.dataset.side));
get("answer").addEventListener("change", keepAnswer);
get("answer").addEventListener("submit", (event) => event.preventDefault());
get("join").addEventListener("change", () => player.stop());
get("back").addEventListener("click", () => moveTo(state.position - 1));
get("next").addEventListener("click", goOn);
get("again").addEventListener("click", startAgain);
get("volume").addEventListener("input", () => player.synth.setVolume(Number(get("volume").value)));
addEventListener("keydown", handleKey);
if (state.isRevealed) showResult();
else showPair();
