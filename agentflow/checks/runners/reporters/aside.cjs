// Loaded before a test runner's own program: gives it options of ours that its tests, which may run in this very
// process, do not find among their arguments, and ends it when it lingers after its report.
const fs = require("node:fs");
const path = require("node:path");

const GRACE_MS = 5_000;
const words = process.env.AGENTFLOW_WORDS.split("\n");
const { exit, argv, execArgv } = process;

delete process.env.AGENTFLOW_WORDS;
const mine = execArgv.indexOf(__filename);
if (mine > 0) execArgv.splice(mine - 1, 2);
argv.push(...words);
setImmediate(() => {
  // A program that is still loading (an ES module) has yet to read them.
  if (process.mainModule?.loaded) argv.splice(argv.indexOf(words[0]), words.length);
});

let left = GRACE_MS;
const isReported = () => [".json", ".jsonl"].some((end) => fs.existsSync(path.join(__dirname, process.pid + end)));
setInterval(() => {
  if (!isReported() || (left -= 1000) > 0) return;
  fs.writeFileSync(path.join(__dirname, "lingered"), "");
  exit();
}, 1000).unref();
