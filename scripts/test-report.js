// What a test file tells `npm test` while it runs: a reporter of node's test runner that writes one line of JSON an event. The last
// line that is written says how far the file is, so a file that hangs can be named together with its test.

export default async function* report(source) {
  for await (const { type, data } of source) {
    if (type === "test:dequeue") yield line({ began: data.name });
    else if (type === "test:pass" || type === "test:fail") {
      const left = data.skip !== undefined || data.todo !== undefined;
      yield line({ ended: data.name, left, bad: type === "test:fail" && !left });
    } else if (type === "test:diagnostic") yield line({ note: data.message });
    else if (type === "test:summary") yield line({ counts: data.counts });
  }
}

const line = (told) => `${JSON.stringify(told)}\n`;
