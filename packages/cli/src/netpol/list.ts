import { analyzeConnectivity, type ConnectivityRow, formatConnections, listConnectivity } from '@palisade/netpol';
import { loadSource, type SourceOptions } from './source.ts';

const quoteCsv = (text: string): string => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
const quoteDot = (text: string): string => `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;

type Render = (rows: readonly ConnectivityRow[]) => string;

const columns = ({ source, destination, connections }: ConnectivityRow) => [source, destination, formatConnections(connections)] as const;

/** Who can reach whom, in each of the forms there are. */
export const listFormats: Readonly<Record<string, Render>> = {
  text: (rows) =>
    rows
      .map((row) => columns(row))
      .map(([from, to, what]) => `${from} => ${to} : ${what}\n`)
      .join(''),
  json: (rows) => {
    const objects = rows.map(columns).map(([source, destination, connections]) => ({ source, destination, connections }));
    return `${JSON.stringify(objects, null, 2)}\n`;
  },
  csv: (rows) => ['source,destination,connections', ...rows.map((row) => columns(row).map(quoteCsv).join(','))].join('\n').concat('\n'),
  dot: (rows) => {
    const edges = rows.map(columns).map(([from, to, what]) => `  ${quoteDot(from)} -> ${quoteDot(to)} [label=${quoteDot(what)}]`);
    return `digraph connectivity {\n${edges.join('\n')}\n}\n`;
  },
};

/** `palisade netpol list`. @returns 0 */
export async function list(options: SourceOptions & { readonly output: string; readonly ipv6?: boolean }): Promise<number> {
  const render = Object.hasOwn(listFormats, options.output) ? listFormats[options.output] : undefined;
  if (!render) throw new Error(`Cannot print as "${options.output}": expected ${Object.keys(listFormats).join(', ')}`);
  const { compiled } = await loadSource(options);
  process.stdout.write(render(listConnectivity(analyzeConnectivity(compiled, options.ipv6 ? [4, 6] : [4]))));
  return 0;
}
