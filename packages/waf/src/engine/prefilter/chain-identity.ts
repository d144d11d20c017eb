import type { TransformationChain } from '../compile/model.ts';
import { ALL_CLASSES, CONTROL, HIGH, maskOfText } from './byte-classes.ts';

/** Two-byte rows that make some transformations work; their bits stand beside the class mask. */
export const pseudoLiterals: readonly string[] = ['  ', ' /', ' (', '//', '/.', './', '/*', '*/', '--'];

const pseudo = (...rows: string[]): number => rows.reduce((bits, row) => bits | (1 << pseudoLiterals.indexOf(row)), 0);

interface Trigger {
  readonly classes: number;
  readonly pseudo: number;
}

const on = (text: string, classes = 0, rows = 0): Trigger => ({ classes: maskOfText(text) | classes, pseudo: rows });
const always: Trigger = { classes: ALL_CLASSES, pseudo: 0 };

/**
 * What a value must hold for a transformation to change it, seen by the prefilter (which folds case: lowercase and
 * uppercase change nothing it looks at). A value without is its own result.
 */
const triggers: Readonly<Record<string, Trigger>> = {
  lowercase: on(''),
  uppercase: on(''),
  urlDecode: on('%+'),
  urlDecodeUni: on('%+'),
  htmlEntityDecode: on('&'),
  jsDecode: on('\\'),
  cssDecode: on('\\'),
  escapeSeqDecode: on('\\'),
  utf8toUnicode: on('', HIGH | CONTROL),
  removeNulls: on('', CONTROL),
  replaceNulls: on('', CONTROL),
  cmdLine: on('\\"\'^,;\t', CONTROL, pseudo('  ', ' /', ' (')),
  compressWhitespace: on('\t', CONTROL | HIGH, pseudo('  ')),
  removeWhitespace: on(' \t', CONTROL | HIGH),
  trim: on(' \t', CONTROL),
  trimLeft: on(' \t', CONTROL),
  trimRight: on(' \t', CONTROL),
  normalizePath: on('', 0, pseudo('//', '/.', './')),
  normalizePathWin: on('\\', 0, pseudo('//', '/.', './')),
  replaceComments: on('', 0, pseudo('/*')),
  removeComments: on('#', 0, pseudo('/*', '--')),
  removeCommentsChar: on('#', 0, pseudo('/*', '*/', '--')),
};

/** Transformations whose result holds no byte class the value did not hold, but for the space. */
const preserving: ReadonlySet<string> = new Set([
  'lowercase',
  'uppercase',
  'removeNulls',
  'cmdLine',
  'compressWhitespace',
  'removeWhitespace',
  'trim',
  'trimLeft',
  'trimRight',
  'normalizePath',
  'replaceComments',
  'removeComments',
  'removeCommentsChar',
]);

/** Whether a chain can only rearrange and remove what a value of these classes holds. */
export function isPreserving(chain: TransformationChain, mask: number): boolean {
  return chain.steps.every((step) => {
    const trigger = triggers[step.name] ?? always;
    // A decoder with nothing to decode does nothing; `+` alone becomes a space.
    const isIdle = (trigger.classes & mask & ~(step.name.startsWith('urlDecode') ? PLUS : 0)) === 0 && trigger.pseudo === 0;
    return isIdle || preserving.has(step.name);
  });
}

const PLUS = maskOfText('+') & ~maskOfText('%');

export interface ChainTrigger extends Trigger {
  /** `.` and `..` are paths, too short for the rows above. */
  readonly isPath: boolean;
}

export function chainTrigger(steps: TransformationChain['steps']): ChainTrigger {
  let classes = 0;
  let rows = 0;
  for (const step of steps) {
    const trigger = triggers[step.name] ?? always;
    classes |= trigger.classes;
    rows |= trigger.pseudo;
  }
  return { classes, pseudo: rows, isPath: steps.some((step) => step.name.startsWith('normalizePath')) };
}

/** What a value holds, see `Scan`. */
export interface Found {
  mask: number;
  pseudo: number;
}

/** Whether a chain may change a value that holds this, letter case aside. */
export function mayChange(trigger: ChainTrigger, { mask, pseudo }: Readonly<Found>, isShort: boolean): boolean {
  return (trigger.classes & mask) !== 0 || (trigger.pseudo & pseudo) !== 0 || (trigger.isPath && isShort);
}

/** Length up to which a value is `isShort`. */
export const MAX_SHORT = 2;
