import type { Position } from '../errors.ts';
import { WafConfigError } from '../errors.ts';
import type { ActionNode, Profile } from '../seclang/ast.ts';
import { compileControl } from './control.ts';
import type { Macro } from './macro.ts';
import { compileMacro } from './macro.ts';
import type { Disruption, Phase, RuleActions, RuleMeta, SetVar } from './model.ts';
import { parseSetVar, unquote } from './set-var.ts';
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
/** Known, without effect here; the load report names them. */
export const inertActions: ReadonlyMap<string, string> = new Map([['pause', 'requests are not held up']]);

const noNamespaces: ReadonlyMap<string, string> = new Map();

/** A rule's actions while they are read. */
class Reader {
  readonly position: Position;
  readonly profile: Profile;
  readonly result = {
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
  readonly rest = {
    setVars: [] as SetVar[],
    setEnvs: [] as RuleActions['setEnvs'][number][],
    expireVars: [] as RuleActions['expireVars'][number][],
    deprecateVars: [] as RuleActions['deprecateVars'][number][],
    initCols: [] as RuleActions['initCols'][number][],
    controls: [] as RuleActions['controls'][number][],
    injections: [] as RuleActions['injections'][number][],
    sanitise: [] as RuleActions['sanitise'][number][],
    skip: 0,
    skipAfter: undefined as string | undefined,
    hasCapture: false,
    isMultiMatch: false,
    xmlns: noNamespaces,
  };
  readonly meta = {
    msg: undefined as RuleMeta['msg'],
    logdata: undefined as RuleMeta['logdata'],
    severity: undefined as number | undefined,
    tags: [] as RuleMeta['tags'][number][],
    ver: undefined as string | undefined,
    rev: undefined as string | undefined,
    maturity: undefined as number | undefined,
    accuracy: undefined as number | undefined,
  };

  constructor(position: Position, profile: Profile) {
    this.position = position;
    this.profile = profile;
  }

  fail(code: 'bad-argument' | 'unknown-action' | 'unsupported', what: string): never {
    throw new WafConfigError(code, this.position, what);
  }

  macro(text: string): Macro {
    try {
      return compileMacro(text, this.profile);
    } catch (cause) {
      throw new WafConfigError('bad-pattern', this.position, `Cannot compile ${JSON.stringify(text)}: ${(cause as Error).message}`, {
        cause,
      });
    }
  }

  want(node: ActionNode): string {
    return node.value ?? this.fail('bad-argument', `Action "${node.name}" needs a value`);
  }

  number(node: ActionNode): number {
    const text = this.want(node);
    return /^\d{1,15}$/.test(text)
      ? Number(text)
      : this.fail('bad-argument', `Action ${node.name}: found ${JSON.stringify(text)}, wanted a number`);
  }
}

type Handler = (rule: Reader, node: ActionNode) => void;

const handlers: ReadonlyMap<string, Handler> = new Map(
  Object.entries<Handler>({
    id: (rule, node) => {
      rule.result.id = rule.number(node);
    },
    phase: (rule, node) => {
      const text = rule.want(node).toLowerCase();
      const phase = phaseNames[text] ?? Number(text);
      if (![1, 2, 3, 4, 5].includes(phase))
        rule.fail('bad-argument', `phase: found ${JSON.stringify(text)}, wanted 1 to 5, request, response or logging`);
      rule.result.phase = phase as Phase;
    },
    chain: (rule) => {
      rule.result.isChained = true;
    },
    t: (rule, node) => {
      rule.result.transformations.push(rule.want(node).trim());
    },
    pass: (rule) => {
      rule.result.disruption = 'pass';
    },
    block: (rule) => {
      // `deny,block` in SecDefaultAction means deny.
      rule.result.disruption ??= 'block';
    },
    deny: (rule) => {
      rule.result.disruption = 'deny';
    },
    drop: (rule) => {
      rule.result.disruption = 'drop';
    },
    allow: (rule, node) => {
      rule.result.disruption = 'allow';
      const scope = node.value?.toLowerCase() ?? 'transaction';
      if (scope !== 'transaction' && scope !== 'phase' && scope !== 'request')
        rule.fail('bad-argument', `allow: found ${JSON.stringify(scope)}, wanted phase or request`);
      rule.result.allowScope = scope as ParsedActions['allowScope'];
    },
    redirect: (rule, node) => {
      rule.result.disruption = 'redirect';
      rule.result.url = rule.macro(rule.want(node));
    },
    proxy: (rule) => rule.fail('unsupported', 'Action "proxy": requests are not sent to another server by this engine'),
    exec: (rule) => rule.fail('unsupported', 'Action "exec": no program or script is run by this engine'),
    status: (rule, node) => {
      rule.result.status = rule.number(node);
    },
    log: (rule) => {
      rule.result.isLogged = true;
      rule.result.isAuditLogged ??= true;
    },
    nolog: (rule) => {
      rule.result.isLogged = false;
      rule.result.isAuditLogged ??= false;
    },
    auditlog: (rule) => {
      rule.result.isAuditLogged = true;
    },
    noauditlog: (rule) => {
      rule.result.isAuditLogged = false;
    },
    capture: (rule) => {
      rule.rest.hasCapture = true;
    },
    multimatch: (rule) => {
      rule.rest.isMultiMatch = true;
    },
    skip: (rule, node) => {
      rule.rest.skip = rule.number(node);
    },
    skipafter: (rule, node) => {
      rule.rest.skipAfter = rule.want(node);
    },
    msg: (rule, node) => {
      rule.meta.msg = rule.macro(rule.want(node));
    },
    logdata: (rule, node) => {
      rule.meta.logdata = rule.macro(rule.want(node));
    },
    severity: (rule, node) => {
      const text = rule.want(node).toUpperCase();
      const named = severityNames.indexOf(text);
      const level = named >= 0 ? named : Number(text);
      if (!(level >= 0 && level <= 7))
        rule.fail('bad-argument', `severity: found ${JSON.stringify(text)}, wanted 0 to 7 or one of ${severityNames.join(', ')}`);
      rule.meta.severity = level;
    },
    tag: (rule, node) => {
      rule.meta.tags.push(rule.macro(rule.want(node)));
    },
    ver: (rule, node) => {
      rule.meta.ver = rule.want(node);
    },
    rev: (rule, node) => {
      rule.meta.rev = rule.want(node);
    },
    maturity: (rule, node) => {
      rule.meta.maturity = rule.number(node);
    },
    accuracy: (rule, node) => {
      rule.meta.accuracy = rule.number(node);
    },
    setvar: (rule, node) => {
      rule.rest.setVars.push(parseSetVar(rule, rule.want(node)));
    },
    setenv: (rule, node) => {
      const [name, ...value] = unquote(rule.want(node)).split('=');
      rule.rest.setEnvs.push({ key: rule.macro(name!), value: rule.macro(value.join('=')) });
    },
    expirevar: (rule, node) => {
      const [, collection, key, seconds] =
        /^(\w+)\.([^=]+)=(.+)$/s.exec(unquote(rule.want(node))) ??
        rule.fail('bad-argument', `expirevar: found ${JSON.stringify(node.value)}, wanted collection.name=seconds`);
      rule.rest.expireVars.push({ collection: collection!.toLowerCase(), key: rule.macro(key!), seconds: rule.macro(seconds!) });
    },
    deprecatevar: (rule, node) => {
      const [, collection, key, amount, seconds] = /^(\w+)\.([^=]+)=(\d{1,9})\/(\d{1,9})$/s.exec(unquote(rule.want(node))) ?? [];
      if (!(Number(seconds) > 0))
        rule.fail('bad-argument', `deprecatevar: found ${JSON.stringify(node.value)}, wanted collection.name=amount/seconds`);
      const each = { amount: Number(amount), seconds: Number(seconds) };
      rule.rest.deprecateVars.push({ collection: collection!.toLowerCase(), key: rule.macro(key!), ...each });
    },
    initcol: (rule, node) => {
      const [, collection, key] =
        /^(\w+)=(.+)$/s.exec(rule.want(node)) ??
        rule.fail('bad-argument', `initcol: found ${JSON.stringify(node.value)}, wanted collection=key`);
      if (!persistentCollections.has(collection!.toLowerCase()))
        rule.fail(
          'bad-argument',
          `initcol: unknown collection ${JSON.stringify(collection)}; wanted ${[...persistentCollections].join(', ')}`,
        );
      rule.rest.initCols.push({ collection: collection!.toLowerCase(), key: rule.macro(key!) });
    },
    setsid: (rule, node) => {
      rule.rest.initCols.push({ collection: 'session', key: rule.macro(rule.want(node)), names: 'sessionId' });
    },
    setuid: (rule, node) => {
      rule.rest.initCols.push({ collection: 'user', key: rule.macro(rule.want(node)), names: 'userId' });
    },
    setrsc: (rule, node) => {
      rule.rest.initCols.push({ collection: 'resource', key: rule.macro(rule.want(node)) });
    },
    ctl: (rule, node) => {
      rule.rest.controls.push(compileControl(rule.want(node), rule.position, rule.profile));
    },
    prepend: (rule, node) => {
      rule.rest.injections.push({ place: 'prepend', text: rule.macro(unquote(rule.want(node))) });
    },
    append: (rule, node) => {
      rule.rest.injections.push({ place: 'append', text: rule.macro(unquote(rule.want(node))) });
    },
    sanitisearg: (rule, node) => {
      rule.rest.sanitise.push({ kind: 'arg', key: rule.want(node).toLowerCase() });
    },
    sanitisematched: (rule) => {
      rule.rest.sanitise.push({ kind: 'matched', key: '' });
    },
    sanitisematchedbytes: (rule) => {
      rule.rest.sanitise.push({ kind: 'matched', key: '' });
    },
    sanitiserequestheader: (rule, node) => {
      rule.rest.sanitise.push({ kind: 'requestHeader', key: rule.want(node).toLowerCase() });
    },
    sanitiseresponseheader: (rule, node) => {
      rule.rest.sanitise.push({ kind: 'responseHeader', key: rule.want(node).toLowerCase() });
    },
    xmlns: (rule, node) => {
      const [, prefix, uri] =
        /^([^=]+)=(.*)$/s.exec(rule.want(node)) ??
        rule.fail('bad-argument', `xmlns: found ${JSON.stringify(node.value)}, wanted prefix=uri`);
      if (rule.profile === 'modsecurity3' && !/^'?http:\/\//.test(uri!))
        rule.fail('bad-argument', `xmlns: found ${JSON.stringify(uri)} for prefix ${prefix}, wanted http://… (profile modsecurity3)`);
      rule.rest.xmlns = new Map([...rule.rest.xmlns, [prefix!, unquote(uri!)]]);
    },
  }),
);

export function parseRuleActions(nodes: readonly ActionNode[], position: Position, profile: Profile): ParsedActions {
  const rule = new Reader(position, profile);
  for (const node of nodes) {
    const name = node.name.startsWith('sanitize') ? node.name.replace('sanitize', 'sanitise') : node.name;
    const handler = handlers.get(name);
    if (handler) handler(rule, node);
    else if (!inertActions.has(name))
      rule.fail('unknown-action', `Unknown action ${JSON.stringify(node.name)}; wanted one that ModSecurity documents`);
  }
  return { ...rule.result, rest: rule.rest, meta: rule.meta };
}
