import type { Phase, Rule, TransformationChain } from '../compile/model.ts';
import type { TargetSource } from '../compile/targets.ts';
import { actingOperators } from '../operators/types.ts';
import { tiers } from './byte-classes.ts';
import { chainTrigger } from './chain-identity.ts';
import type { Bits, Chain, Collection, FilteredRule, PhasePlan, Source } from './parts.ts';
import { chainsOf, isBase64, LiteralTable, nameOf, needOf, setBit, stepOf } from './parts.ts';
import { IMPOSSIBLE } from './requirement.ts';
import type { RuleNeeds, TieredRequirement } from './rule-needs.ts';
import { asksNothing } from './rule-needs.ts';
import { LiteralNumbers, Scanner } from './scanner.ts';

interface IndexOptions {
  readonly ruleCount: number;
  /** No head reads what an earlier rule matched, so that a chain that comes to nothing need not be begun. */
  readonly hasGates: boolean;
}

/** Rules by what they ask of values, and where each phase finds the values. Built once a rule set. */
export class RuleIndex {
  readonly rules: FilteredRule[] = [];
  readonly chains: Chain[] = [];
  readonly phases: Readonly<Record<Phase, PhasePlan>>;
  readonly scanner: Scanner;
  /** Rules that ask for a literal, by tier. */
  readonly byLiteral: readonly LiteralTable[];
  /** Number of a rule, by its index in the rule set; -1 for those never asked about. */
  readonly #numberOf: Int32Array;
  /** The same for a negated rule's operator, where something can be said about it. */
  readonly #operatorOf: Int32Array;
  readonly #zeroes: Bits;
  readonly #collections = new Map<string, Collection>();
  readonly #chainIds = new Map<string, number>();
  readonly #options: IndexOptions;

  /**
   * @param heads the rules that run at all, in order; others are never passed over
   * @param ruleNeeds what they ask of values; not kept
   */
  constructor(heads: readonly Rule[], ruleNeeds: RuleNeeds, options: IndexOptions) {
    this.#options = options;
    this.#numberOf = new Int32Array(options.ruleCount).fill(-1);
    this.#operatorOf = new Int32Array(options.ruleCount).fill(-1);
    const entries = heads.flatMap((head) => {
      const chain: Rule[] = [];
      for (let rule: Rule | undefined = head; rule; rule = rule.next) chain.push(rule);
      return chain.flatMap((rule) => describeRule(rule, rule === head, ruleNeeds));
    });
    this.#zeroes = Array.from({ length: Math.max(1, Math.ceil(entries.length / 32)) }, () => 0);
    const literals = new LiteralNumbers();
    /** `asked[tier][rule]`. */
    const asked: number[][][] = tiers.map(() => []);
    for (const [number, { rule, needs, isOperator }] of entries.entries()) {
      (isOperator ? this.#operatorOf : this.#numberOf)[rule.index] = number;
      const chains = chainsOf(rule).map((steps) => this.#chainId(steps));
      this.rules.push({ needs: needs.map(needOf), chains });
      const isOpen = asksNothing(needs);
      for (const id of chains) {
        const chain = this.chains[id]!;
        setBit(chain.rules, number);
        if (!isOpen) chain.members.push(number);
        if (isBase64(chain.chain)) chain.minLength = Math.min(chain.minLength, isOpen ? 0 : ruleNeeds.minLengthOf(rule));
      }
      for (const [tier, need] of needs.entries()) {
        const isSame = tier > 0 && need === needs[tier - 1];
        asked[tier]![number] = isSame ? asked[tier - 1]![number]! : need === IMPOSSIBLE ? [] : literals.of(need.literals);
      }
    }
    // A shorter result may still do for a chain that goes on from this one; prefixes come before what goes on from them.
    for (const { parent, minLength } of this.chains.toReversed()) {
      if (parent >= 0) this.chains[parent]!.minLength = Math.min(this.chains[parent]!.minLength, minLength);
    }
    const plan = (phase: Phase): PhasePlan => this.#plan(heads.filter((head) => head.phase === phase));
    this.phases = { 1: plan(1), 2: plan(2), 3: plan(3), 4: plan(4), 5: plan(5) };
    this.scanner = new Scanner(literals.all);
    this.byLiteral = asked.map((lists) => new LiteralTable(lists, literals.all.length));
  }

  numberOf(rule: Rule): number {
    return this.#numberOf[rule.index]!;
  }

  operatorOf(rule: Rule): number {
    return this.#operatorOf[rule.index]!;
  }

  newBits(): Bits {
    return this.#zeroes.slice();
  }

  #plan(heads: readonly Rule[]): PhasePlan {
    const sources = new Map<string, Source>();
    const always = this.newBits();
    const gates: (readonly [number, number])[] = [];
    for (const head of heads) {
      const links = this.#options.hasGates ? gatesOf(head) : [];
      for (const rule of [head, ...links]) {
        const number = this.numberOf(rule);
        if (number < 0) continue;
        if (rule !== head) gates.push([this.numberOf(head), number]);
        if (rule.targets?.isStable) for (const source of rule.targets.sources) this.#enterSource(sources, source, number);
        else setBit(always, number);
      }
    }
    return { sources: [...sources.values()], always, gates };
  }

  #enterSource(sources: Map<string, Source>, source: TargetSource, number: number): void {
    const name = sourceName(source, sources.size);
    let entry = sources.get(name);
    if (!entry) {
      entry = { source, collection: this.#collection(source), rules: this.newBits() };
      sources.set(name, entry);
    }
    setBit(entry.rules, number);
    const { words, chains } = entry.collection;
    if (!words.includes(number >> 5)) words.push(number >> 5);
    for (const chain of this.rules[number]!.chains) {
      const members = chains.get(chain) ?? [];
      chains.set(chain, members);
      if (this.chains[chain]!.members.includes(number) && !members.includes(number)) members.push(number);
    }
  }

  /** Counts are one collection: their values are small numbers. */
  #collection(source: TargetSource): Collection {
    const name = source.isCount ? '&' : source.collection;
    let known = this.#collections.get(name);
    if (!known) {
      known = { number: this.#collections.size, chains: new Map(), words: [] };
      this.#collections.set(name, known);
    }
    return known;
  }

  #chainId(steps: TransformationChain['steps']): number {
    const name = nameOf(steps);
    const known = this.#chainIds.get(name);
    if (known !== undefined) return known;
    const id = this.chains.length;
    this.#chainIds.set(name, id);
    const chain = { name, steps, index: id };
    const parent = steps.length === 0 ? -1 : (this.#chainIds.get(nameOf(steps.slice(0, -1))) ?? -1);
    this.chains.push({
      chain,
      trigger: chainTrigger(steps),
      parent,
      tail: (parent < 0 ? steps : steps.slice(-1)).map(stepOf),
      rules: this.newBits(),
      members: [],
      minLength: Number.POSITIVE_INFINITY,
    });
    return id;
  }
}

interface Entry {
  readonly rule: Rule;
  readonly needs: TieredRequirement;
  /** The operator of a negated rule, not the rule. */
  readonly isOperator: boolean;
}

function describeRule(rule: Rule, isHead: boolean, ruleNeeds: RuleNeeds): Entry[] {
  // A link of which nothing is known tells nothing about its chain.
  if (!isHead && !rule.targets?.isStable) return [];
  const operator = rule.operator?.node.isNegated ? ruleNeeds.ofOperator(rule) : undefined;
  const entry: Entry = { rule, needs: ruleNeeds.of(rule), isOperator: false };
  return operator && rule.targets?.isStable ? [entry, { rule, needs: operator, isOperator: true }] : [entry];
}

/** Links that decide about their chain before it begins: nothing that came before them has an effect of its own. */
function gatesOf(head: Rule): Rule[] {
  const links: Rule[] = [];
  for (let rule: Rule = head; rule.next && hasNoEffect(rule); rule = rule.next) links.push(rule.next);
  return links;
}

function hasNoEffect({ actions, operator }: Rule): boolean {
  const effects = [
    actions.setVars,
    actions.setEnvs,
    actions.expireVars,
    actions.deprecateVars,
    actions.initCols,
    actions.controls,
    actions.sanitise,
    actions.injections,
  ];
  return (
    effects.every((list) => list.length === 0) && !actions.hasCapture && operator !== undefined && !actingOperators.has(operator.node.name)
  );
}

/** Sources of one name give the same values, or fewer: exclusions and name patterns are applied when a rule runs. */
function sourceName({ collection, key, isCount, xpath, keyTest, exclusions }: TargetSource, unique: number): string {
  const isOwn = isCount && (keyTest !== undefined || exclusions.length > 0);
  return `${isCount ? '&' : ''}${collection}:${key ?? ''}:${xpath?.identity ?? ''}:${isOwn ? unique : ''}`;
}
