import type { Position } from '../errors.ts';
import { WafConfigError } from '../errors.ts';
import { parseActions } from './actions.ts';
import type { DirectiveNode, Node, Profile, RuleNode } from './ast.ts';
import { directiveShapes, unsupportedDirectives } from './directive-table.ts';
import { splitLines } from './lines.ts';
import { parseOperator } from './operator.ts';
import { parseVariables } from './variables.ts';
import { splitWords } from './words.ts';

/** Access to further files, handed in by the caller: the parser itself touches no disk. Bytes as latin1 text. */
export interface FileSource {
  /** Resolve `pattern` (may hold globs) against the including file; sorted paths, empty when nothing matches. */
  expand(pattern: string, from: string): readonly string[];
  read(path: string): string;
}

export interface ParseOptions {
  readonly profile?: Profile;
  readonly files?: FileSource;
}

const MAX_INCLUDE_DEPTH = 32;

/**
 * Parse SecLang text (latin1: one character a byte) into nodes, following includes. Throws WafConfigError for the
 * first thing it cannot read; nothing is skipped.
 */
export function parseSecLang(source: string, file: string, options: ParseOptions = {}): Node[] {
  const nodes: Node[] = [];
  parseFile(source, file, options, nodes, 0);
  return nodes;
}

function parseFile(source: string, file: string, options: ParseOptions, nodes: Node[], depth: number): void {
  const profile = options.profile ?? 'modsecurity2';
  let disabledSections = 0;
  for (const { text, line } of splitLines(source, file)) {
    const position = { file, line };
    if (text.startsWith('<')) {
      disabledSections = parseSection(text, position, disabledSections);
      continue;
    }
    if (disabledSections > 0) continue;
    const [word, ...args] = splitWords(text, position, profile);
    const name = word!.toLowerCase();
    if (name === 'include' || name === 'includeoptional') {
      include(args, name === 'includeoptional', position, options, nodes, depth);
    } else {
      nodes.push(parseDirective(name, word!, args, position));
    }
  }
}

/** `<IfModule security2_module>` is kept, any other module's section is not loaded by Apache either. Returns the new depth of disabled sections. */
function parseSection(text: string, position: Position, disabled: number): number {
  const open = /^<IfModule\s+(!?)\s*"?([^\s">]+)"?\s*>$/i.exec(text);
  if (open) {
    if (disabled > 0) return disabled + 1;
    const isOurs = /^(mod_)?(security|unique_id)[23]?(_module)?(\.c)?$/i.test(open[2]!);
    return isOurs === (open[1] === '') ? 0 : 1;
  }
  if (/^<\/IfModule>$/i.test(text)) return Math.max(0, disabled - 1);
  throw new WafConfigError(
    'unsupported',
    position,
    `Section ${JSON.stringify(text)} belongs to a web server's configuration; wanted SecLang directives or <IfModule>`,
  );
}

function include(args: string[], isOptional: boolean, position: Position, options: ParseOptions, nodes: Node[], depth: number): void {
  const pattern = args[0];
  if (pattern === undefined || args.length > 1) {
    throw new WafConfigError('bad-argument', position, `Include takes one path, found ${args.length} words`);
  }
  if (!options.files)
    throw new WafConfigError(
      'missing-file',
      position,
      `Cannot include ${JSON.stringify(pattern)}: this rule set was loaded without access to files`,
    );
  if (depth >= MAX_INCLUDE_DEPTH)
    throw new WafConfigError('syntax', position, `Include nests deeper than ${MAX_INCLUDE_DEPTH} files; wanted no file to include itself`);
  const paths = options.files.expand(pattern, position.file);
  // Apache accepts a glob that matches nothing under IncludeOptional only.
  if (paths.length === 0 && !isOptional)
    throw new WafConfigError('missing-file', position, `Cannot include ${JSON.stringify(pattern)}: no such file`);
  for (const path of paths) {
    let source: string;
    try {
      source = options.files.read(path);
    } catch (cause) {
      throw new WafConfigError('missing-file', position, `Cannot include ${JSON.stringify(path)}: ${(cause as Error).message}`, { cause });
    }
    parseFile(source, path, options, nodes, depth + 1);
  }
}

function parseDirective(name: string, written: string, args: string[], position: Position): Node {
  switch (name) {
    case 'secrule':
      return parseRule(args, position);
    case 'secaction':
      wantCount('SecAction', args, 1, 1, position);
      return { kind: 'rule', position, variables: [], actions: parseActions(args[0]!, position) };
    case 'secmarker':
      wantCount('SecMarker', args, 1, 1, position);
      return { kind: 'marker', position, label: args[0]! };
    default:
      return parseSetting(name, written, args, position);
  }
}

function parseRule(args: string[], position: Position): RuleNode {
  wantCount('SecRule', args, 2, 3, position);
  return {
    kind: 'rule',
    position,
    variables: parseVariables(args[0]!, position),
    operator: parseOperator(args[1]!, position),
    actions: args[2] === undefined ? [] : parseActions(args[2], position),
  };
}

function parseSetting(name: string, written: string, args: string[], position: Position): DirectiveNode {
  const refusal = unsupportedDirectives.get(name);
  if (refusal && (refusal.but === undefined || refusal.but.toLowerCase() !== args[0]?.toLowerCase())) {
    const wanted = refusal.but === undefined ? '' : `; wanted ${refusal.but}`;
    throw new WafConfigError('unsupported', position, `${written}: ${refusal.reason}${wanted}`);
  }
  const known = directiveShapes.get(name);
  if (!known)
    throw new WafConfigError(
      'unknown-directive',
      position,
      `Unknown directive ${JSON.stringify(written)}; wanted one that ModSecurity documents`,
    );
  const { shape } = known;
  if (shape.kind === 'words') {
    wantCount(known.name, args, shape.min, shape.max, position);
    return { kind: 'directive', position, name: known.name, args };
  }
  wantCount(known.name, args, 1, 1, position);
  const value = args[0]!;
  if (shape.kind === 'number' && !/^\d{1,15}$/.test(value)) {
    throw new WafConfigError('bad-argument', position, `${known.name}: found ${JSON.stringify(value)}, wanted a number`);
  }
  if (shape.kind === 'choice') {
    const choice = shape.values.find((candidate) => candidate.toLowerCase() === value.toLowerCase());
    if (choice === undefined) {
      throw new WafConfigError(
        'bad-argument',
        position,
        `${known.name}: found ${JSON.stringify(value)}, wanted one of ${shape.values.join(', ')}`,
      );
    }
    return { kind: 'directive', position, name: known.name, args: [choice] };
  }
  return { kind: 'directive', position, name: known.name, args };
}

function wantCount(name: string, args: readonly string[], min: number, max: number, position: Position): void {
  if (args.length < min || args.length > max) {
    const wanted = min === max ? `${min}` : `${min} to ${max}`;
    throw new WafConfigError('syntax', position, `${name}: found ${args.length} arguments, wanted ${wanted}`);
  }
}
