// A small interpreter of the nftables text this package writes, for tests. It reads the text, not the values the text was made
// from, and knows only what is written: any other statement is an error.
import { type Address, parseAddress } from '../address.ts';

export interface NftPacket {
  readonly hook: 'forward' | 'input' | 'output';
  readonly iifname: string;
  readonly oifname: string;
  readonly saddr: string;
  readonly daddr: string;
  /** `tcp`, `udp`, `sctp`, `icmp`, `ipv6-icmp`, anything else */
  readonly l4proto: string;
  readonly dport?: number;
  readonly ctState: 'new' | 'established' | 'related' | 'invalid';
  readonly ctDirection: 'original' | 'reply';
  readonly tcpFlags?: readonly string[];
}

export interface NftOutcome {
  readonly verdict: 'accept' | 'drop' | 'reset';
  readonly prefixes: readonly string[];
}

interface Chain {
  hook: string | undefined;
  rules: string[][];
}

const tokenize = (text: string): string[] => text.match(/"[^"]*"|[{},;]|[^\s{},;]+/g) ?? [];

/** Separates `{ a, b : c }` into its elements. */
function elementsOf(tokens: readonly string[]): string[] {
  return tokens
    .join(' ')
    .split(',')
    .map((element) => element.trim())
    .filter((element) => element !== '');
}

export class NftInterpreter {
  readonly sets = new Map<string, Set<string>>();
  readonly maps = new Map<string, Map<string, string>>();
  readonly chains = new Map<string, Chain>();
  #prefixes: string[] = [];

  /** Applies one transaction. */
  load(text: string): void {
    const lines = text.split('\n').map((line) => tokenize(line));
    let block: { kind: string; name: string } | undefined;
    for (const tokens of lines) {
      const [first = '', second = '', , , name = ''] = tokens;
      if (tokens.length === 0) continue;
      if (first === 'table') continue;
      if (first === 'delete' && second === 'table') for (const part of [this.sets, this.maps, this.chains]) part.clear();
      else if (first === 'add' || first === 'delete' || first === 'flush') this.#command(first, second, name, tokens.slice(5));
      else if (tokens.at(-1) === '{' && ['set', 'map', 'chain'].includes(first)) {
        block = { kind: first, name: second };
        this.#declare(first, second, undefined);
      } else if (first === '}') block = undefined;
      else if (!block) throw new Error(`interpreter: line outside of a block: ${tokens.join(' ')}`);
      else if (first === 'elements') this.#elements('add', block.name, tokens.slice(3, -1));
      else if (block.kind === 'chain' && first === 'type') this.chains.get(block.name)!.hook = tokens[tokens.indexOf('hook') + 1];
      else if (block.kind === 'chain') this.chains.get(block.name)!.rules.push(tokens);
      else if (first !== 'type') throw new Error(`interpreter: unknown line ${tokens.join(' ')}`);
    }
  }

  #declare(kind: string, name: string, hook: string | undefined): void {
    if (kind === 'set') this.sets.set(name, new Set());
    else if (kind === 'map') this.maps.set(name, new Map());
    else this.chains.set(name, { hook, rules: [] });
  }

  #command(verb: string, kind: string, name: string, rest: readonly string[]): void {
    if (verb === 'add' && kind === 'rule') this.#chain(name).rules.push([...rest]);
    else if (kind === 'element') this.#elements(verb as 'add' | 'delete', name, rest.slice(1, -1));
    else if (verb === 'add') this.#declare(kind, name, rest.includes('hook') ? rest[rest.indexOf('hook') + 1] : undefined);
    else if (verb === 'flush' && kind === 'chain') this.#chain(name).rules = [];
    else if (verb === 'flush' && kind === 'set') this.sets.get(name)!.clear();
    else if (verb === 'delete' && kind === 'chain') this.#removeChain(name);
    else if (verb === 'delete' && (kind === 'set' ? this.sets : this.maps).delete(name)) this.#refuseUse(`@${name}`);
    else throw new Error(`interpreter: cannot ${verb} ${kind} ${name}`);
  }

  #chain(name: string): Chain {
    const chain = this.chains.get(name);
    if (!chain) throw new Error(`interpreter: no chain ${name}`);
    return chain;
  }

  #removeChain(name: string): void {
    if (this.#chain(name).rules.length > 0) throw new Error(`interpreter: chain ${name} is not empty`);
    this.chains.delete(name);
    this.#refuseUse(name);
    for (const map of this.maps.values())
      for (const verdict of map.values()) if (verdict.endsWith(` ${name}`)) throw new Error(`interpreter: ${name} is in use`);
  }

  #refuseUse(reference: string): void {
    for (const [name, chain] of this.chains)
      if (chain.rules.some((rule) => rule.includes(reference))) throw new Error(`interpreter: ${reference} is in use by ${name}`);
  }

  #elements(verb: 'add' | 'delete', name: string, tokens: readonly string[]): void {
    const map = this.maps.get(name);
    const set = this.sets.get(name);
    for (const element of elementsOf(tokens)) {
      const [key = '', verdict] = element.split(/ : /);
      const exists = map ? map.has(key) : set!.has(key);
      if (exists !== (verb === 'delete')) throw new Error(`interpreter: cannot ${verb} element ${key} of ${name}`);
      if (verb === 'delete') (map ?? set)!.delete(key);
      else if (map) map.set(key, verdict!);
      else set!.add(key);
    }
  }

  /** Sends one packet through the base chain of its hook. */
  run(packet: NftPacket): NftOutcome {
    this.#prefixes = [];
    const base = [...this.chains.values()].find((chain) => chain.hook === packet.hook);
    const verdict = base ? this.#runChain(base, packet) : undefined;
    return { verdict: verdict ?? 'accept', prefixes: this.#prefixes };
  }

  /** @returns undefined when the chain came to its end or returned */
  #runChain(chain: Chain, packet: NftPacket): NftOutcome['verdict'] | undefined {
    for (const rule of chain.rules) {
      const verdict = this.#runRule(rule, packet);
      if (verdict === undefined) continue;
      const [verb, target] = verdict.split(' ');
      if (verb === 'accept' || verb === 'drop' || verb === 'reset') return verb;
      if (verb === 'return') return undefined;
      const result = this.#runChain(this.#chain(target!), packet);
      if (result !== undefined || verb === 'goto') return result;
    }
    return undefined;
  }

  /** @returns the rule's verdict; undefined when a match failed or there is none */
  #runRule(tokens: readonly string[], packet: NftPacket): string | undefined {
    const queue = [...tokens];
    const take = (): string => queue.shift() ?? '';
    /** One value, or all of an anonymous set. */
    const takeValues = (): string[] => {
      const first = take();
      if (first !== '{') return first.split(',');
      const values: string[] = [];
      for (let value = take(); value !== '}'; value = take()) if (value !== ',') values.push(value);
      return values;
    };
    while (queue.length > 0) {
      const word = take();
      switch (word) {
        case 'ct': {
          const what = take();
          const values = takeValuesWithCommas(queue, takeValues);
          if (!values.includes(what === 'direction' ? packet.ctDirection : packet.ctState)) return undefined;
          break;
        }
        case 'meta':
          take();
          if (!takeValues().includes(packet.l4proto)) return undefined;
          break;
        case 'icmpv6':
          take();
          takeValues();
          return undefined; // no packet of the tests is neighbour discovery
        case 'iifname':
        case 'oifname': {
          const value = packet[word];
          let wanted = take();
          if (wanted === 'vmap') {
            const verdict = this.maps.get(take().slice(1))!.get(`"${value}"`);
            return verdict;
          }
          const isNot = wanted === '!=';
          if (isNot) wanted = take();
          const pattern = wanted.replaceAll('"', '');
          const matches = pattern.endsWith('*') ? value.startsWith(pattern.slice(0, -1)) : value === pattern;
          if (matches === isNot) return undefined;
          break;
        }
        case 'ip':
        case 'ip6': {
          const side = take();
          const isFamily = (word === 'ip') === !packet.saddr.includes(':');
          let value = side === 'saddr' ? packet.saddr : packet.daddr;
          let next = take();
          if (next === '.') {
            take();
            take();
            value = `${packet.saddr} . ${packet.daddr}`;
            next = take();
          }
          if (next === 'vmap') {
            const verdict = this.maps.get(take().slice(1))!.get(value);
            if (!isFamily || verdict === undefined) return undefined;
            return verdict;
          }
          if (!isFamily || !setContains(this.sets.get(next.slice(1)), value)) return undefined;
          break;
        }
        case 'tcp':
        case 'udp':
        case 'sctp': {
          if (take() === 'flags') {
            const [, flag] = [take(), take()];
            take();
            take();
            if (packet.l4proto !== word || !packet.tcpFlags?.includes(flag.toUpperCase())) return undefined;
            break;
          }
          const values = takeValues();
          const port = packet.dport ?? -1;
          const inside = values.some((value) => {
            const [from = '', to = from] = value.split('-');
            return port >= Number(from) && port <= Number(to);
          });
          if (packet.l4proto !== word || !inside) return undefined;
          break;
        }
        case 'limit':
          queue.splice(0, 'rate 1000/second burst 2000 packets'.split(' ').length);
          break;
        case 'log':
          take();
          this.#prefixes.push(take().replaceAll('"', ''));
          queue.splice(0, 'group 5 snaplen 96'.split(' ').length);
          break;
        case 'counter':
          break;
        case 'accept':
        case 'drop':
        case 'return':
          return word;
        case 'jump':
        case 'goto':
          return `${word} ${take()}`;
        case 'reject':
          queue.splice(0, 'with tcp reset'.split(' ').length);
          return 'reset';
        default:
          throw new Error(`interpreter: unknown word "${word}" in ${tokens.join(' ')}`);
      }
    }
    return undefined;
  }
}

/** `established,related` arrives as three tokens. */
function takeValuesWithCommas(queue: string[], takeValues: () => string[]): string[] {
  const values = takeValues();
  while (queue[0] === ',') {
    queue.shift();
    values.push(...takeValues());
  }
  return values;
}

function setContains(set: ReadonlySet<string> | undefined, value: string): boolean {
  if (!set) throw new Error('interpreter: no such set');
  if (set.has(value)) return true;
  const address = parseAddress(value);
  return address !== undefined && [...set].some((element) => element.includes('-') && rangeHas(element, address));
}

function rangeHas(element: string, address: Address): boolean {
  const [first, last] = element.split('-').map(parseAddress);
  return (
    first !== undefined &&
    last !== undefined &&
    first.family === address.family &&
    first.value <= address.value &&
    address.value <= last.value
  );
}
