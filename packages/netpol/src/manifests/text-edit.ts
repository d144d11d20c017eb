import { parseDocument } from 'yaml';
import type { PatchOperation } from '../lint/patch.ts';

/** Lines of a file, first to last, and what is to stand there instead. */
export interface TextEdit {
  readonly file: string;
  readonly firstLine: number;
  /** One less than `firstLine`: nothing is replaced, `text` goes before that line. */
  readonly lastLine: number;
  /** Whole lines, the last one ended too. */
  readonly text: string;
}

function keysOf(pointer: string): (string | number)[] {
  return pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((step) => (/^\d+$/.test(step) ? Number(step) : step));
}

/** Blanks inside of brackets are a matter of taste, and no change. */
function isSame(before: string | undefined, after: string | undefined): boolean {
  const plain = (line: string | undefined) => line?.replace(/(?<=[[{]) +| +(?=[\]}])/g, '');
  return plain(before) === plain(after);
}

/** A patch of one YAML document as the lines it changes. Comments and the order of keys stay. Lines count from 1. */
export function editText(text: string, patch: readonly PatchOperation[]): Omit<TextEdit, 'file'> {
  const document = parseDocument(text);
  for (const operation of patch) {
    const keys = keysOf(operation.path);
    if (operation.op === 'remove') document.deleteIn(keys);
    else if (keys.at(-1) === '-') document.addIn(keys.slice(0, -1), document.createNode(operation.value));
    else document.setIn(keys, document.createNode(operation.value));
  }
  // As the file has it: dashes under their key, or further in.
  const indentSeq = !/^( *)[^\s#-][^\n]*:\n\1- /m.test(text);
  const before = text.replace(/\n$/, '').split('\n');
  const after = document.toString({ indentSeq, flowCollectionPadding: false, lineWidth: 0 }).replace(/\n$/, '').split('\n');
  let head = 0;
  while (head < before.length && isSame(before[head], after[head])) head++;
  let tail = 0;
  while (tail < Math.min(before.length, after.length) - head && isSame(before.at(-1 - tail), after.at(-1 - tail))) tail++;
  return {
    firstLine: head + 1,
    lastLine: before.length - tail,
    text: after
      .slice(head, after.length - tail)
      .map((line) => `${line}\n`)
      .join(''),
  };
}
