// What a check comes to. `mend` is what puts it right: a command, or the setting to change.

export const pass = (said) => ({ result: "pass", said });
export const warn = (said, mend) => ({ result: "warn", said, mend });
export const fail = (said, mend) => ({ result: "fail", said, mend });
/** Not looked at, and why. */
export const skip = (said) => ({ result: "skip", said });

/** Runs each of `{ name, check }`, also after one that failed, or threw: that one has failed, too. */
export async function run(group, checks) {
  const all = [];
  for (const [name, check] of Object.entries(checks)) {
    const outcome = await Promise.resolve()
      .then(check)
      .catch((error) =>
        fail(`the check itself failed: ${error.message.split("\n")[0]}`, "look at what is in front of the gate"),
      );
    all.push({ group, name, ...outcome });
  }
  return all;
}
