import { analyzeExposure, describeExposedPeer, type Exposure, type ExposureReport, formatConnections } from '@palisade/netpol';
import { loadSource, type SourceOptions } from './source.ts';

const arrow = { ingress: '<=', egress: '=>' } as const;

const columns = ({ workload, direction, peer, connections }: Exposure) => ({
  workload,
  direction,
  peer: describeExposedPeer(peer),
  connections: formatConnections(connections),
});

export function renderExposure({ exposures, unprotected }: ExposureReport): string {
  const rows = exposures
    .map(columns)
    .map(({ workload, direction, peer, connections }) => `${workload} ${arrow[direction]} ${peer} : ${connections}\n`);
  const open = unprotected.map(({ workload, direction }) => `${workload} is not protected on ${direction}\n`);
  return [...rows, ...(open.length > 0 ? ['\n'] : []), ...open].join('');
}

/** `palisade netpol exposure`. @returns 0 */
export async function exposure(options: SourceOptions & { readonly output: string }): Promise<number> {
  if (!['text', 'json'].includes(options.output)) throw new Error(`Cannot print as "${options.output}": expected text or json`);
  const report = analyzeExposure((await loadSource(options)).compiled);
  if (options.output === 'text') process.stdout.write(renderExposure(report));
  else process.stdout.write(`${JSON.stringify({ ...report, exposures: report.exposures.map(columns) }, null, 2)}\n`);
  return 0;
}
