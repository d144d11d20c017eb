import { analyzeExposure, describeExposedPeer, type Exposure, type ExposureReport, formatConnections } from '@palisade/netpol';
import { printAnswer } from '../output.ts';
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
  const report = analyzeExposure((await loadSource(options)).compiled);
  printAnswer({ text: renderExposure(report), data: { ...report, exposures: report.exposures.map(columns) } }, options.output);
  return 0;
}
