const LINES_BEFORE = 2;
const LINES_AFTER = 3;

/** Some lines around `file:line`, with their numbers. */
export function excerptOf(files: readonly { readonly name: string; readonly text: string }[], line: string): string {
  const colon = line.lastIndexOf(':');
  const number = Number(line.slice(colon + 1));
  const lines = files.find(({ name }) => name === line.slice(0, colon))?.text.split('\n') ?? [];
  const first = Math.max(1, number - LINES_BEFORE);
  return lines
    .slice(first - 1, number + LINES_AFTER)
    .map((text, index) => `${first + index === number ? '>' : ' '} ${String(first + index).padStart(4)} | ${text}`)
    .join('\n')
    .trimEnd();
}
