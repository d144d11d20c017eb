/** One open object or array while scanning; `at` is the path of the value now being read. */
interface Frame {
  readonly path: string;
  at: string;
  /** Keys seen; undefined for an array. */
  readonly keys: Set<string> | undefined;
  index: number;
  expectsKey: boolean;
}

/** End of a JSON string that starts at `start`; the index after the closing quote. */
function endOfString(text: string, start: number): number {
  let i = start + 1;
  while (text.charCodeAt(i) !== 0x22) i += text.charCodeAt(i) === 0x5c ? 2 : 1;
  return i + 1;
}

/**
 * Keys that stand twice in one JSON object, which `JSON.parse` silently lets the last one win: `duplicate field "spec.replicas"`, in
 * document order, as strict decoding reports them.
 *
 * @param text must be valid JSON: parse it first
 */
export function findDuplicateFields(text: string): string[] {
  const found: string[] = [];
  const stack: Frame[] = [];
  for (let i = 0; i < text.length; i++) {
    const frame = stack.at(-1);
    switch (text[i]) {
      case '{':
      case '[': {
        const isObject = text[i] === '{';
        const path = frame?.at ?? '';
        stack.push({ path, at: isObject ? path : `${path}[0]`, keys: isObject ? new Set() : undefined, index: 0, expectsKey: isObject });
        break;
      }
      case '}':
      case ']':
        stack.pop();
        break;
      case ',':
        if (frame?.keys) frame.expectsKey = true;
        else if (frame) frame.at = `${frame.path}[${++frame.index}]`;
        break;
      case '"': {
        const end = endOfString(text, i);
        if (frame?.keys && frame.expectsKey) {
          const key = JSON.parse(text.slice(i, end)) as string;
          frame.at = frame.path === '' ? key : `${frame.path}.${key}`;
          if (frame.keys.has(key)) found.push(`duplicate field ${JSON.stringify(frame.at)}`);
          frame.keys.add(key);
          frame.expectsKey = false;
        }
        i = end - 1;
        break;
      }
      default:
    }
  }
  return found;
}
