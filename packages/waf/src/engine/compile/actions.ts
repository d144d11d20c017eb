import type { Position } from '../errors.ts';
import { WafConfigError } from '../errors.ts';
import type { ActionNode, Profile } from '../seclang/ast.ts';
import { compileControl } from './control.ts';
import type { Macro } from './macro.ts';
import { compileMacro } from './macro.ts';
import type { Disruption, Phase, RuleActions, RuleMeta, SetVar } from './model.ts';
import { persistentCollections } from './targets.ts';

/** A rule's own actions before SecDefaultAction is merged in. */
export interface ParsedActions {
  readonly id: number;
  readonly phase: Phase | undefined;
  readonly isChained: boolean;
  /** Names in order; `none` clears what came before, defaults included. */
  readonly transformations: readonly string[];
  /** `block` asks for the default action's disruption. */
  readonly disruption: Disruption['kind'] | 'block' | undefined;
  readonly allowScope: 'transaction' | 'phase' | 'request';
  readonly status: number | undefined;
  readonly url: Macro | undefined;
  readonly isLogged: boolean | undefined;
  readonly isAuditLogged: boolean | undefined;
  readonly rest: Omit<RuleActions, 'disruption' | 'isLogged' | 'isAuditLogged'>;
  readonly meta: RuleMeta;
}

const phaseNames: Readonly<Record<string, Phase>> = { request: 2, response: 4, logging: 5 };
const severityNames = ['EMERGENCY', 'ALERT', 'CRITICAL', 'ERROR', 'WARNING', 'NOTICE', 'INFO', 'DEBUG'];
/** Known, without effect in a filter inside another server. */
const inert: ReadonlySet<string> = new Set(['append', 'prepend', 'deprecatevar', 'pause', 'initcol-none']);

export function parseRuleActions(nodes: readonly ActionNode[], position: Position, profile: Profile): ParsedActions {
  const fail = (code: 'bad-argument' | 'unknown-action' | 'unsupported', what: string): never => {
    throw new WafConfigError(code, position, what);
  };
  const macro = (text: string): Macro => {
    try {
      return compileMacro(text, profile);
    } catch (cause) {
      throw new WafConfigError('bad-pattern', position, `Cannot compile ${JSON.stringify(text)}: ${(cause as Error).message}`, { cause });
    }
  };
  const want = (node: ActionNode): string => node.value ?? fail('bad-argument', `Action "${node.name}" needs a value`);
  const number = (node: ActionNode): number => {
    const text = want(node);
    return /^\d{1,15}$/.test(text)
      ? Number(text)
      : fail('bad-argument', `Action ${node.name}: found ${JSON.stringify(text)}, wanted a number`);
  };
  const result = {
    id: 0,
    phase: undefined as Phase | undefined,
    isChained: false,
    transformations: [] as string[],
    disruption: undefined as ParsedActions['disruption'],
    allowScope: 'transaction' as ParsedActions['allowScope'],
    status: undefined as number | undefined,
    url: undefined as Macro | undefined,
    isLogged: undefined as boolean | undefined,
    isAuditLogged: undefined as boolean | undefined,
  };
  const rest = {
    setVars: [] as SetVar[],
    setEnvs: [] as RuleActions['setEnvs'][number][],
    expireVars: [] as RuleActions['expireVars'][number][],
    initCols: [] as RuleActions['initCols'][number][],
    controls: [] as RuleActions['controls'][number][],
    sanitise: [] as RuleActions['sanitise'][number][],
    skip: 0,
    skipAfter: undefined as string | undefined,
    hasCapture: false,
    isMultiMatch: false,
    xmlns: new Map<string, string>(),
  };
  const meta = {
    msg: undefined as RuleMeta['msg'],
    logdata: undefined as RuleMeta['logdata'],
    severity: undefined as number | undefined,
    tags: [] as RuleMeta['tags'][number][],
    ver: undefined as string | undefined,
    rev: undefined as string | undefined,
    maturity: undefined as number | undefined,
    accuracy: undefined as number | undefined,
  };

  const handlers: Readonly<Record<string, (node: ActionNode) => void>> = {
    id: (node) => {
      result.id = number(node);
    },
    phase: (node) => {
      const text = want(node).toLowerCase();
      const phase = phaseNames[text] ?? Number(text);
      if (![1, 2, 3, 4, 5].includes(phase))
        fail('bad-argument', `phase: found ${JSON.stringify(text)}, wanted 1 to 5, request, response or logging`);
      result.phase = phase as Phase;
    },
    chain: () => {
      result.isChained = true;
    },
    t: (node) => {
      result.transformations.push(want(node).trim());
    },
    pass: () => {
      result.disruption = 'pass';
    },
    block: () => {
      // `deny,block` in SecDefaultAction means deny.
      result.disruption ??= 'block';
    },
    deny: () => {
      result.disruption = 'deny';
    },
    drop: () => {
      result.disruption = 'drop';
    },
    allow: (node) => {
      result.disruption = 'allow';
      const scope = node.value?.toLowerCase() ?? 'transaction';
      if (scope !== 'transaction' && scope !== 'phase' && scope !== 'request')
        fail('bad-argument', `allow: found ${JSON.stringify(scope)}, wanted phase or request`);
      result.allowScope = scope as ParsedActions['allowScope'];
    },
    redirect: (node) => {
      result.disruption = 'redirect';
      result.url = macro(want(node));
    },
    proxy: () => fail('unsupported', 'Action "proxy": requests are not sent to another server by this engine'),
    exec: () => fail('unsupported', 'Action "exec": no program or script is run by this engine'),
    status: (node) => {
      result.status = number(node);
    },
    log: () => {
      result.isLogged = true;
      result.isAuditLogged ??= true;
    },
    nolog: () => {
      result.isLogged = false;
      result.isAuditLogged ??= false;
    },
    auditlog: () => {
      result.isAuditLogged = true;
    },
    noauditlog: () => {
      result.isAuditLogged = false;
    },
    capture: () => {
      rest.hasCapture = true;
    },
    multimatch: () => {
      rest.isMultiMatch = true;
    },
    skip: (node) => {
      rest.skip = number(node);
    },
    skipafter: (node) => {
      rest.skipAfter = want(node);
    },
    msg: (node) => {
      meta.msg = macro(want(node));
    },
    logdata: (node) => {
      meta.logdata = macro(want(node));
    },
    severity: (node) => {
      const text = want(node).toUpperCase();
      const named = severityNames.indexOf(text);
      const level = named >= 0 ? named : Number(text);
      if (!(level >= 0 && level <= 7))
        fail('bad-argument', `severity: found ${JSON.stringify(text)}, wanted 0 to 7 or one of ${severityNames.join(', ')}`);
      meta.severity = level;
    },
    tag: (node) => {
      meta.tags.push(macro(want(node)));
    },
    ver: (node) => {
      meta.ver = want(node);
    },
    rev: (node) => {
      meta.rev = want(node);
    },
    maturity: (node) => {
      meta.maturity = number(node);
    },
    accuracy: (node) => {
      meta.accuracy = number(node);
    },
    setvar: (node) => {
      rest.setVars.push(parseSetVar(want(node), position, macro));
    },
    setenv: (node) => {
      const [name, ...value] = unquote(want(node)).split('=');
      rest.setEnvs.push({ key: macro(name!), value: macro(value.join('=')) });
    },
    expirevar: (node) => {
      const [, collection, key, seconds] =
        /^(\w+)\.([^=]+)=(.+)$/s.exec(unquote(want(node))) ??
        fail('bad-argument', `expirevar: found ${JSON.stringify(node.value)}, wanted collection.name=seconds`);
      rest.expireVars.push({ collection: collection!.toLowerCase(), key: macro(key!), seconds: macro(seconds!) });
    },
    initcol: (node) => {
      const [, collection, key] =
        /^(\w+)=(.+)$/s.exec(want(node)) ?? fail('bad-argument', `initcol: found ${JSON.stringify(node.value)}, wanted collection=key`);
      if (!persistentCollections.has(collection!.toLowerCase()))
        fail('bad-argument', `initcol: unknown collection ${JSON.stringify(collection)}; wanted ${[...persistentCollections].join(', ')}`);
      rest.initCols.push({ collection: collection!.toLowerCase(), key: macro(key!) });
    },
    setsid: (node) => {
      rest.initCols.push({ collection: 'session', key: macro(want(node)) });
    },
    setuid: (node) => {
      rest.initCols.push({ collection: 'user', key: macro(want(node)) });
    },
    setrsc: (node) => {
      rest.initCols.push({ collection: 'resource', key: macro(want(node)) });
    },
    ctl: (node) => {
      rest.controls.push(compileControl(want(node), position, profile));
    },
    sanitisearg: (node) => {
      rest.sanitise.push({ kind: 'arg', key: want(node).toLowerCase() });
    },
    sanitisematched: () => {
      rest.sanitise.push({ kind: 'matched', key: '' });
    },
    sanitisematchedbytes: () => {
      rest.sanitise.push({ kind: 'matched', key: '' });
    },
    sanitiserequestheader: (node) => {
      rest.sanitise.push({ kind: 'requestHeader', key: want(node).toLowerCase() });
    },
    sanitiseresponseheader: (node) => {
      rest.sanitise.push({ kind: 'responseHeader', key: want(node).toLowerCase() });
    },
    xmlns: (node) => {
      const [, prefix, uri] =
        /^([^=]+)=(.*)$/s.exec(want(node)) ?? fail('bad-argument', `xmlns: found ${JSON.stringify(node.value)}, wanted prefix=uri`);
      rest.xmlns.set(prefix!, unquote(uri!));
    },
  };

  for (const node of nodes) {
    const name = node.name.startsWith('sanitize') ? node.name.replace('sanitize', 'sanitise') : node.name;
    const handler = handlers[name];
    if (handler) handler(node);
    else if (!inert.has(name)) fail('unknown-action', `Unknown action ${JSON.stringify(node.name)}; wanted one that ModSecurity documents`);
  }
  return { ...result, rest, meta };
}

function unquote(text: string): string {
  return text.length > 1 && text.startsWith("'") && text.endsWith("'") ? text.slice(1, -1) : text;
}

/** `tx.a=1`, `!tx.a`, `tx.a=+1`, `tx.a` (1). */
function parseSetVar(source: string, position: Position, macro: (text: string) => Macro): SetVar {
  const text = unquote(source.trim());
  const match = /^(!?)(\w+)[.:]([^=]+)(?:=(.*))?$/s.exec(text);
  if (!match) throw new WafConfigError('bad-argument', position, `setvar: found ${JSON.stringify(text)}, wanted collection.name=value`);
  const [, bang, collection, key, value] = match;
  const base = { collection: collection!.toLowerCase(), key: macro(key!.trim()) };
  if (bang) return { ...base, operation: 'unset', value: '' };
  const raw = unquote(value ?? '1');
  if (raw.startsWith('+')) return { ...base, operation: 'add', value: macro(raw.slice(1)) };
  if (raw.startsWith('-')) return { ...base, operation: 'subtract', value: macro(raw.slice(1)) };
  return { ...base, operation: 'set', value: macro(raw) };
}
