// How many wrong inputs a test file tried and saw refused. A file calls `report()` once, at its top level; the count stands at
// the end of its output as the diagnostic `refused inputs: N`.
import { after } from "node:test";

let count = 0;

/** `n` more inputs were refused, each as it should be. */
export function refused(n = 1) {
  count += n;
}

/** Has the count printed when the file's last test has ended; inside a hook (`after(report)`), prints it. */
export function report(context) {
  if (context === undefined) after(report);
  else context.diagnostic(`refused inputs: ${count}`);
}
