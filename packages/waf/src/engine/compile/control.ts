import type { Position } from '../errors.ts';
import { WafConfigError } from '../errors.ts';
import { CompiledRegex } from '../regex/regex.ts';
import type { Profile } from '../seclang/ast.ts';
import { parseVariables } from '../seclang/variables.ts';
import type { Control, EngineMode, RuleFilter } from './model.ts';

/** Compile `ctl:name=value`. */
export function compileControl(text: string, position: Position, profile: Profile): Control {
  const [, written, value] = /^\s*(\w+)\s*=\s*(.*)$/s.exec(text) ?? [];
  if (written === undefined || value === undefined) throw bad(position, `ctl: found ${JSON.stringify(text)}, wanted name=value`);
  const name = written.toLowerCase();
  switch (name) {
    case 'ruleengine':
      return { kind: 'ruleEngine', value: choose(value, ['On', 'Off', 'DetectionOnly'], written, position) as EngineMode };
    case 'auditengine':
      return { kind: 'auditEngine', value: choose(value, ['On', 'Off', 'RelevantOnly'], written, position) as 'On' };
    case 'auditlogparts':
      return { kind: 'auditLogParts', value };
    case 'requestbodyaccess':
      return { kind: 'requestBodyAccess', value: choose(value, ['On', 'Off'], written, position) === 'On' };
    case 'responsebodyaccess':
      return { kind: 'responseBodyAccess', value: choose(value, ['On', 'Off'], written, position) === 'On' };
    case 'forcerequestbodyvariable':
      return { kind: 'forceRequestBodyVariable', value: choose(value, ['On', 'Off'], written, position) === 'On' };
    case 'requestbodylimit':
      return { kind: 'requestBodyLimit', value: toNumber(value, written, position) };
    case 'responsebodylimit':
      return { kind: 'responseBodyLimit', value: toNumber(value, written, position) };
    case 'requestbodyprocessor':
      return { kind: 'requestBodyProcessor', value: choose(value, ['URLENCODED', 'MULTIPART', 'XML', 'JSON'], written, position) };
    case 'ruleremovebyid':
    case 'ruleremovebytag':
    case 'ruleremovebymsg':
      return { kind: 'ruleRemove', filter: ruleFilter(name.slice('ruleremoveby'.length) as RuleFilter['by'], value, position, profile) };
    case 'ruleremovetargetbyid':
    case 'ruleremovetargetbytag':
    case 'ruleremovetargetbymsg': {
      const at = value.indexOf(';');
      if (at < 0) throw bad(position, `ctl:${written}: found ${JSON.stringify(value)}, wanted rules;VARIABLE`);
      const filter = ruleFilter(name.slice('ruleremovetargetby'.length) as RuleFilter['by'], value.slice(0, at), position, profile);
      return { kind: 'ruleRemoveTarget', filter, targets: parseVariables(value.slice(at + 1).replace(/^!/, ''), position) };
    }
    case 'debugloglevel':
      return { kind: 'debugLogLevel', value: toNumber(value, written, position) };
    case 'hashengine':
    case 'hashenforcement':
      throw new WafConfigError('unsupported', position, `ctl:${written}: responses are not rewritten; wanted a rule without it`);
    default:
      throw new WafConfigError('unknown-action', position, `Unknown ctl ${JSON.stringify(written)}; wanted one that ModSecurity documents`);
  }
}

/** `1-3,7` for ids; for tags and messages a pattern (ModSecurity 2, Coraza: text inside) or the whole text (ModSecurity 3). */
export function ruleFilter(by: RuleFilter['by'], value: string, position: Position, profile: Profile): RuleFilter {
  if (by === 'id') return { by, ranges: idRanges(value, position) };
  if (profile === 'modsecurity3') return { by, matches: (text) => text === value };
  let regex: CompiledRegex;
  try {
    regex = new CompiledRegex(value);
  } catch (cause) {
    throw new WafConfigError('bad-pattern', position, `Cannot compile ${JSON.stringify(value)}: ${(cause as Error).message}`, { cause });
  }
  return { by, matches: (text) => regex.test(text) === 'match' };
}

export function idRanges(text: string, position: Position): (readonly [number, number])[] {
  return text
    .split(/[\s,]+/)
    .filter((part) => part !== '')
    .map((part) => {
      const match = /^"?(\d{1,15})(?:-(\d{1,15}))?"?$/.exec(part);
      if (!match) throw bad(position, `Cannot parse rule id ${JSON.stringify(part)}; wanted a number or a range such as 1-10`);
      const low = Number(match[1]);
      const high = match[2] === undefined ? low : Number(match[2]);
      if (high < low) throw bad(position, `Range of rule ids ${part} counts down`);
      return [low, high] as const;
    });
}

export function isInRanges(id: number, ranges: readonly (readonly [number, number])[]): boolean {
  for (let i = 0; i < ranges.length; i++) if (id >= ranges[i]![0] && id <= ranges[i]![1]) return true;
  return false;
}

function choose(value: string, choices: readonly string[], name: string, position: Position): string {
  const chosen = choices.find((choice) => choice.toLowerCase() === value.toLowerCase());
  if (chosen === undefined) throw bad(position, `ctl:${name}: found ${JSON.stringify(value)}, wanted one of ${choices.join(', ')}`);
  return chosen;
}

function toNumber(value: string, name: string, position: Position): number {
  if (!/^\d{1,15}$/.test(value)) throw bad(position, `ctl:${name}: found ${JSON.stringify(value)}, wanted a number`);
  return Number(value);
}

function bad(position: Position, what: string): WafConfigError {
  return new WafConfigError('bad-argument', position, what);
}
