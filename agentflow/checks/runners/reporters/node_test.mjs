// A reporter for `node --test`: one line of JSON per test, with the names of the suites around it.
export default async function* report(source) {
  const around = new Map();
  for await (const { type, data } of source) {
    if (!["test:start", "test:pass", "test:fail"].includes(type)) continue;
    const file = data.file || "";
    const names = around.get(file) || [];
    around.set(file, names);
    names.length = data.nesting;
    names[data.nesting] = data.name;
    const isSuite = data.details?.type === "suite";
    const error = data.details?.error;
    if (type === "test:start" || (isSuite && (type === "test:pass" || error?.failureType === "subtestsFailed"))) continue;
    const cause = error?.cause ?? error;
    const outcome = data.skip !== undefined || data.todo !== undefined ? "skipped" : type === "test:pass" ? "passed" : "failed";
    yield JSON.stringify({
      file,
      names: names.filter((name) => name !== file),
      outcome,
      message: String(cause?.message ?? cause ?? ""),
      account: String(cause?.stack ?? ""),
    }) + "\n";
  }
}
