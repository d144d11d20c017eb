type Step =
  | { readonly field: string }
  | { readonly index: number }
  | { readonly all: true }
  | { readonly where: readonly string[]; readonly equals: unknown };

/**
 * The part of JSONPath that printer columns use: `.spec.size`, `['a.b']`, `[0]`, `[*]`, `[?(@.type=="Ready")]`, with `\.` in names.
 * Undefined for what is none of it.
 */
export function parseJsonPath(text: string): Step[] | undefined {
  const steps: Step[] = [];
  const token =
    /\.((?:\\.|[^.[\]\\])+)|\['([^']*)'\]|\["([^"]*)"\]|\[(-?\d+)\]|(\[\*\]|\.\*)|\[\?\(@((?:\.[\w-]+)+)\s*==\s*(?:"([^"]*)"|'([^']*)'|(true|false|-?\d+))\)\]/gy;
  let at = 0;
  while (at < text.length) {
    token.lastIndex = at;
    const match = token.exec(text);
    if (match === null) return undefined;
    at = token.lastIndex;
    const [, dotted, single, double, index, all, where, quoted, apostrophe, bare] = match;
    if (all !== undefined) steps.push({ all: true });
    else if (index !== undefined) steps.push({ index: Number(index) });
    else if (where !== undefined)
      steps.push({ where: where.slice(1).split('.'), equals: bare === undefined ? (quoted ?? apostrophe ?? '') : JSON.parse(bare) });
    else steps.push({ field: dotted?.replace(/\\(.)/g, '$1') ?? single ?? double ?? '' });
  }
  return steps;
}

/** Every value the path leads to. */
export function evaluateJsonPath(steps: readonly Step[], root: unknown): unknown[] {
  let values: unknown[] = [root];
  for (const step of steps)
    values = values.flatMap((value) => follow(step, value)).filter((value) => value !== undefined && value !== null);
  return values;
}

function follow(step: Step, value: unknown): unknown[] {
  if (typeof value !== 'object' || value === null) return [];
  if ('field' in step) return [(value as Record<string, unknown>)[step.field]];
  if ('index' in step) return Array.isArray(value) ? [value.at(step.index)] : [];
  if ('all' in step) return Object.values(value);
  // biome-ignore lint/suspicious/noExplicitAny: walks a wire object
  return Array.isArray(value) ? value.filter((item) => step.where.reduce((at: any, name) => at?.[name], item) === step.equals) : [];
}
