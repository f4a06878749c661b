// Mocha's own "spec" reporter, which also leaves one line of JSON per test beside this file.
const fs = require("node:fs");
const path = require("node:path");

const start = [path.dirname(fs.realpathSync(process.argv[1])), process.cwd()];
// Since mocha 12 the folder has no index.js, and a folder is found by that name only.
const place = ["mocha/lib/reporters", "mocha/lib/reporters/index.cjs"].find((name) => {
  try {
    return require.resolve(name, { paths: start });
  } catch {
    return false;
  }
});
const { Spec } = require(require.resolve(place, { paths: start }));

module.exports = class extends Spec {
  constructor(runner, options) {
    super(runner, options);
    const lines = [];
    const note = (outcome) => (test, error) =>
      lines.push(JSON.stringify({
        file: test.file || (test.parent && test.parent.file) || "",
        names: test.titlePath(),
        outcome,
        message: error ? String(error.message || error) : "",
        account: error ? String(error.stack || "") : "",
      }));
    runner.on("pass", note("passed"));
    runner.on("pending", note("skipped"));
    runner.on("fail", note("failed"));
    runner.once("end", () => fs.writeFileSync(path.join(__dirname, `${process.pid}.jsonl`), lines.join("\n") + "\n"));
  }
};
