import { createHash } from 'node:crypto';
import type { Position } from '../errors.ts';
import { WafConfigError } from '../errors.ts';
import { openGeoDatabase } from '../match/geo.ts';
import { type OperatorEnvironment, Unavailable } from '../operators/types.ts';
import type { PatternTable } from '../regex/pattern-table.ts';
import type { GeoLookup, InspectFile, UploadStore } from '../resources.ts';
import { parseActions } from '../seclang/actions.ts';
import type { DirectiveNode, Node, Profile, RuleNode } from '../seclang/ast.ts';
import { inertDirectives } from '../seclang/directive-table.ts';
import type { UnicodeMap } from '../transformations/url.ts';
import { parseUnicodeMap } from '../transformations/url.ts';
import type { ParsedActions } from './actions.ts';
import { parseRuleActions } from './actions.ts';
import type { Draft, DraftRule } from './draft.ts';
import { type ChainTable, linkRules } from './link.ts';
import type { Phase, PhaseItem, RemovedRule, Rule } from './model.ts';
import { applySettings } from './overrides.ts';
import type { Settings } from './settings.ts';
import { applyDirective, defaultSettings } from './settings.ts';

export interface CompileOptions {
  readonly profile?: Profile;
  /** Read a data file named in a rule, beside the rule file. Bytes as latin1 text. */
  readonly readDataFile?: (name: string, from: string) => string;
  /** Instead of the database that SecGeoLookupDb names. */
  readonly geo?: GeoLookup;
  /** Without it a rule set that saves uploads is refused. */
  readonly uploads?: UploadStore;
  /** Without it a rule with `@inspectFile` is refused: this engine runs no program by itself. */
  readonly inspectFile?: InspectFile;
  /** Rules that need what this engine refuses to have (Lua, exec …) and that the user accepts to be without. */
  readonly skipUnsupported?: readonly number[];
  /** Steps an irregular pattern may take on one value before the verdict is "limit". */
  readonly regexStepBudget?: number;
}

export interface RuleSet {
  readonly settings: Settings;
  readonly profile: Profile;
  /** In order of definition; markers stand in every phase. */
  readonly phases: Readonly<Record<Phase, readonly PhaseItem[]>>;
  /** All rules by index, chained ones included. */
  readonly rules: readonly Rule[];
  /** Rules that directives took out, for the debug log. */
  readonly removed: readonly RemovedRule[];
  /** Things a user should know: rules that can never match for lack of a resource, removals that fit nothing. */
  readonly notes: readonly string[];
  readonly unicodeMap: UnicodeMap | undefined;
  /** Changes with the data files, the step budget, and what the user gave instead of them. */
  readonly resourceDigest: string;
  readonly slotCount: number;
  readonly chains: ChainTable;
  /** SecDebugLogLevel, or a rule, asks for a debug log. */
  readonly writesDebugLog: boolean;
}

export const defaultProfile: Profile = 'modsecurity2';

/**
 * Compile parsed nodes into a rule set, or throw WafConfigError: never half of one.
 *
 * @param patterns receives the patterns of all rules; the rule set keeps none of them
 */
export function compileRuleSet(nodes: readonly Node[], given: CompileOptions, patterns: PatternTable): RuleSet {
  const profile = given.profile ?? defaultProfile;
  const regexStepBudget = given.regexStepBudget ?? 1_000_000;
  const digest = createHash('sha256').update(JSON.stringify([regexStepBudget, !!given.geo, !!given.inspectFile]));
  const { readDataFile } = given;
  const options: CompileOptions = readDataFile
    ? {
        ...given,
        readDataFile: (name, from) => {
          const text = readDataFile(name, from);
          digest.update(text, 'latin1');
          return text;
        },
      }
    : given;
  const notes: string[] = [];
  const drafts = collectDrafts(nodes, profile, options.skipUnsupported ?? [], notes);
  let settings = profileDefaults(profile);
  for (const node of nodes) {
    if (node.kind !== 'directive') continue;
    settings = applyDirective(settings, node);
    const reason = inertDirectives.get(node.name);
    if (reason !== undefined) notes.push(`${node.position.file}:${node.position.line}: ${node.name} has no effect: ${reason}`);
  }
  if (settings.savesUploads && !options.uploads)
    throw new WafConfigError(
      'unsupported',
      lastOf(nodes, 'SecUploadKeepFiles', 'SecTmpSaveUploadedFiles').position,
      'Uploaded files are to be saved, but this engine was made without a place for them (option uploads)',
    );
  const geo = options.geo ?? loadGeo(settings, profile, nodes, options);
  const shared = {
    profile,
    regexStepBudget,
    ...(geo ? { geo } : {}),
    ...(options.inspectFile ? { inspectFile: options.inspectFile } : {}),
  };
  const environment = (position: Position): OperatorEnvironment => ({
    ...shared,
    readDataFile: (name) => {
      if (/^https?:/i.test(name)) throw new Unavailable('lists are not fetched over the network; download the file and name it');
      if (!options.readDataFile) throw new Error(`cannot read ${JSON.stringify(name)}: this rule set was loaded without access to files`);
      return options.readDataFile(name, position.file);
    },
  });
  const linked = linkRules(drafts, environment, patterns, notes, settings, geo !== undefined);
  const writesDebugLog =
    settings.debugLogLevel > 0 || linked.rules.some((rule) => rule.actions.controls.some(({ kind }) => kind === 'debugLogLevel'));
  const unicodeMap = loadUnicodeMap(settings, nodes, options);
  return { settings, profile, notes, unicodeMap, resourceDigest: digest.digest('hex'), writesDebugLog, ...linked };
}

/** ModSecurity 3 reads bodies and evaluates (without blocking) unless told otherwise; 2 does neither. */
function profileDefaults(profile: Profile): Settings {
  if (profile === 'modsecurity2') return defaultSettings;
  const settings: Settings = { ...defaultSettings, responseBodyLimitAction: 'ProcessPartial' };
  if (profile === 'coraza') return settings;
  return { ...settings, ruleEngine: 'DetectionOnly', requestBodyAccess: true, requestBodyLimitAction: 'ProcessPartial', webAppId: '' };
}

function loadUnicodeMap(settings: Settings, nodes: readonly Node[], options: CompileOptions): UnicodeMap | undefined {
  if (settings.unicodeMapFile === undefined) return undefined;
  const { position } = lastOf(nodes, 'SecUnicodeMapFile');
  try {
    const map = parseUnicodeMap(options.readDataFile!(settings.unicodeMapFile, position.file), settings.unicodeCodePage);
    if (!map) throw new Error(`it holds no code page ${settings.unicodeCodePage}`);
    return map;
  } catch (cause) {
    throw new WafConfigError(
      'missing-file',
      position,
      `SecUnicodeMapFile ${JSON.stringify(settings.unicodeMapFile)}: ${(cause as Error).message}`,
      { cause },
    );
  }
}

function loadGeo({ geoDatabase }: Settings, profile: Profile, nodes: readonly Node[], options: CompileOptions): GeoLookup | undefined {
  if (geoDatabase === undefined) return undefined;
  const { position } = lastOf(nodes, 'SecGeoLookupDb');
  try {
    return openGeoDatabase(Buffer.from(options.readDataFile!(geoDatabase, position.file), 'latin1'), profile);
  } catch (cause) {
    throw new WafConfigError('missing-file', position, `SecGeoLookupDb ${JSON.stringify(geoDatabase)}: ${(cause as Error).message}`, {
      cause,
    });
  }
}

function lastOf(nodes: readonly Node[], ...names: string[]): Node {
  return nodes.findLast((node) => node.kind === 'directive' && names.includes(node.name))!;
}

/** Rules and markers in order, with chains put together and removals and updates applied. */
function collectDrafts(nodes: readonly Node[], profile: Profile, skipped: readonly number[], notes: string[]): Draft[] {
  const drafts: Draft[] = [];
  const heads: DraftRule[] = [];
  let defaults: ReadonlyMap<Phase, ParsedActions> = new Map();
  const ids = new Map<number, Position>();
  const late: DirectiveNode[] = [];
  let open: DraftRule | undefined;
  for (const node of nodes) {
    if (node.kind === 'marker') drafts.push({ kind: 'marker', label: node.label });
    else if (node.kind === 'directive') {
      if (node.name === 'SecDefaultAction') defaults = withDefault(node, defaults, profile);
      // ModSecurity 3 applies removals and updates to rules that follow, too.
      else if (profile === 'modsecurity3') late.push(node);
      else applySettings(node, heads, profile, notes);
    } else {
      let parsed: ParsedActions;
      try {
        parsed = parseRuleActions(node.actions, node.position, profile);
      } catch (error) {
        if (!isSkippable(error, node, skipped)) throw error;
        notes.push(`${node.position.file}:${node.position.line}: rule skipped as asked: ${error.message}`);
        continue;
      }
      const rule: DraftRule = {
        node,
        parsed,
        variables: [...node.variables],
        actions: node.actions,
        defaults,
        removedBy: undefined,
        chained: [],
      };
      if (open) {
        if (profile === 'modsecurity2') checkChained(node);
        open.chained.push(rule);
      } else {
        checkId(node, parsed, ids, profile);
        drafts.push({ kind: 'rule', rule });
        heads.push(rule);
      }
      const head: DraftRule = open ?? rule;
      open = parsed.isChained ? head : undefined;
    }
  }
  if (open) {
    // ModSecurity 3 loads a chain that never ends; without its last link it cannot match.
    if (profile !== 'modsecurity3')
      throw new WafConfigError('syntax', open.node.position, 'This chain ends the rule set; wanted the chained SecRule after it');
    open.removedBy = 'chain without an end';
    notes.push(`${open.node.position.file}:${open.node.position.line}: rule ${open.parsed.id} is a chain without an end and never matches`);
  }
  for (const node of late) applySettings(node, heads, profile, notes);
  return drafts;
}

function isSkippable(error: unknown, node: RuleNode, skipped: readonly number[]): error is WafConfigError {
  const id = Number(node.actions.find((action) => action.name === 'id')?.value);
  return error instanceof WafConfigError && error.code === 'unsupported' && skipped.includes(id);
}

/** The default actions of the rules that follow. */
function withDefault(
  node: DirectiveNode,
  defaults: ReadonlyMap<Phase, ParsedActions>,
  profile: Profile,
): ReadonlyMap<Phase, ParsedActions> {
  const parsed = parseRuleActions(parseActions(node.args[0]!, node.position), node.position, profile);
  const { disruption, meta } = parsed;
  if (parsed.isChained || parsed.id !== 0 || parsed.rest.skipAfter !== undefined || parsed.rest.skip > 0) {
    throw new WafConfigError('bad-argument', node.position, 'SecDefaultAction must not hold chain, id, skip or skipAfter');
  }
  if ([meta.msg, meta.rev, meta.ver, meta.maturity, meta.accuracy].some((value) => value !== undefined))
    throw new WafConfigError('bad-argument', node.position, 'SecDefaultAction must not hold msg, rev, ver, maturity or accuracy');
  if (disruption === undefined || disruption === 'block')
    throw new WafConfigError(
      'bad-argument',
      node.position,
      `SecDefaultAction: found ${disruption ?? 'no disruptive action'}, wanted a disruptive action such as deny or pass`,
    );
  if (parsed.phase === undefined && profile === 'modsecurity2')
    throw new WafConfigError('bad-argument', node.position, 'SecDefaultAction: found no phase, wanted one such as phase:2');
  if (profile === 'modsecurity3' && parsed.transformations.some((name) => name.toLowerCase() === 'none')) {
    throw new WafConfigError(
      'bad-argument',
      node.position,
      'The transformation none is not suitable to be part of the SecDefaultActions: found t:none, wanted none of it',
    );
  }
  if (profile === 'modsecurity3' && parsed.phase !== undefined && defaults.has(parsed.phase)) {
    throw new WafConfigError('bad-argument', node.position, `SecDefaultAction: phase ${parsed.phase} has its default actions already`);
  }
  // In ModSecurity 2.9 the latest one holds, whatever phase a rule is in.
  if (profile === 'modsecurity2') return new Map(([1, 2, 3, 4, 5] as const).map((phase) => [phase, parsed]));
  return new Map([...defaults, [parsed.phase ?? (profile === 'modsecurity3' ? 1 : 2), parsed]]);
}

/** What only the first rule of a chain may say. */
const starterActions: ReadonlySet<string> = new Set([
  ...['allow', 'deny', 'drop', 'pass', 'proxy', 'redirect', 'phase', 'skip', 'skipafter'],
  ...['accuracy', 'id', 'logdata', 'maturity', 'msg', 'rev', 'severity', 'ver'],
]);

function checkChained(node: RuleNode): void {
  const wrong = node.actions.find(({ name }) => starterActions.has(name));
  if (wrong)
    throw new WafConfigError(
      'bad-argument',
      node.position,
      `Action ${wrong.name}: found in a chained rule, wanted in the first rule of the chain (profile modsecurity2)`,
    );
}

function checkId(node: RuleNode, parsed: ParsedActions, ids: Map<number, Position>, profile: Profile): void {
  if (parsed.id === 0) {
    if (profile === 'modsecurity3' && !node.operator) return;
    // ModSecurity has asked for ids since 2.7.
    throw new WafConfigError(
      'bad-argument',
      node.position,
      `This ${node.operator ? 'SecRule' : 'SecAction'} has no id; wanted an action such as id:1000 (profile ${profile})`,
    );
  }
  const before = ids.get(parsed.id);
  if (before)
    throw new WafConfigError(
      'duplicate-id',
      node.position,
      `Rule id ${parsed.id} is taken by ${before.file}:${before.line}; wanted another`,
    );
  ids.set(parsed.id, node.position);
}
