import type { Position } from '../errors.ts';
import { WafConfigError } from '../errors.ts';
import { findOperator } from '../operators/index.ts';
import { type OperatorEnvironment, type OperatorTest, Unavailable } from '../operators/types.ts';
import type { PatternTable } from '../regex/pattern-table.ts';
import type { OperatorNode } from '../seclang/ast.ts';
import { Recurring } from '../variables/recurring.ts';
import { compileMacro } from './macro.ts';
import type { CompiledOperator } from './model.ts';

/** Operators whose argument may hold macros (the others read `%{` as itself). */
const takesMacros: ReadonlySet<string> = new Set([
  'beginswith',
  'contains',
  'containsword',
  'endswith',
  'eq',
  'ge',
  'gt',
  'ipmatch',
  'le',
  'lt',
  'rx',
  'streq',
  'strmatch',
  'within',
]);

/** Expand parts of their argument themselves. */
const expandsItself: ReadonlySet<string> = new Set(['rsub']);

const MAX_KNOWN = 100;
const MAX_KNOWN_ARGUMENT = 1000;

/** Compile an operator; a bad argument refuses the rule with its place. */
export function compileOperator(
  node: OperatorNode,
  position: Position,
  environment: OperatorEnvironment,
  patterns: PatternTable,
): CompiledOperator {
  const factory = findOperator(node.name);
  if ('unsupported' in factory) throw new WafConfigError('unsupported', position, `Operator @${node.name}: ${factory.unsupported}`);
  const isExpanded = takesMacros.has(node.name);
  const argument = isExpanded || expandsItself.has(node.name) ? compileMacro(node.argument, environment.profile) : node.argument;
  if (!isExpanded || typeof argument === 'string') {
    try {
      return { node, argument, test: factory(node.argument, { ...environment, patterns }), dynamic: undefined };
    } catch (cause) {
      if (cause instanceof Unavailable) throw new WafConfigError('unsupported', position, `Operator @${node.name}: ${cause.message}`);
      const code = node.name === 'rx' || node.name === 'rxglobal' ? 'bad-pattern' : 'bad-argument';
      throw new WafConfigError(
        code,
        position,
        `Operator @${node.name} ${JSON.stringify(node.argument.slice(0, 60))}: ${(cause as Error).message}`,
        { cause },
      );
    }
  }
  return { node, argument, test: undefined, dynamic: { build: remember((text) => factory(text, environment)) } };
}

/** Expanded arguments repeat. */
function remember(build: (text: string) => OperatorTest): (text: string) => OperatorTest {
  const known = new Recurring<OperatorTest>(MAX_KNOWN);
  const make = (text: string): OperatorTest => {
    try {
      return build(text);
    } catch {
      // An expanded argument is no configuration: a pattern or address that does not parse matches nothing.
      return () => false;
    }
  };
  return (text) => known.get(text) ?? (text.length <= MAX_KNOWN_ARGUMENT ? known.keep(text, make) : make(text));
}
