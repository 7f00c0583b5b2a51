// A bar for each row, as SVG: ratios, with the line of 1 and the interval of each.
const WIDTH = 760;
const LEFT = 330;
const ROW = 34;
const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

/** `rows`: `{ label, median, low, high, goal? }`. */
export function bars(title, rows) {
  const most = Math.max(1.2, ...rows.flatMap(({ high, goal = 0 }) => [high, goal])) * 1.08;
  const x = (value) => LEFT + (value / most) * (WIDTH - LEFT - 60);
  const height = 58 + rows.length * ROW;
  const bar = ({ label, median, low, high, goal }, at) => {
    const y = 44 + at * ROW;
    const mark = goal === undefined ? "" : `<path d="M${x(goal)} ${y - 3}v24" stroke="#b42318" stroke-width="2"/>`;
    return `<text x="${LEFT - 10}" y="${y + 14}" text-anchor="end">${escaped(label)}</text>
<rect x="${LEFT}" y="${y}" width="${x(median) - LEFT}" height="18" rx="2" fill="#2f6feb"/>
<path d="M${x(low)} ${y + 9}H${x(high)}" stroke="#0b1f44" stroke-width="2"/>${mark}
<text x="${x(Math.max(high, goal ?? 0)) + 8}" y="${y + 14}">${median.toFixed(2)}</text>`;
  };
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif" font-size="13" role="img" aria-label="${escaped(title)}">
<rect width="100%" height="100%" fill="#fff"/>
<text x="12" y="22" font-size="15" font-weight="600">${escaped(title)}</text>
<path d="M${x(1)} 34V${height - 8}" stroke="#888" stroke-dasharray="4 3"/>
${rows.map(bar).join("\n")}
</svg>
`;
}
