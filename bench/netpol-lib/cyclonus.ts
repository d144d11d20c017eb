/** cyclonus's pairwise probe of a cluster on paper. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ClusterSnapshot } from '@palisade/netpol';
import { findCyclonus } from '../../scripts/setup/cyclonus.mjs';

/** @returns milliseconds, its start included; or why it could not be asked */
export function pairwiseProbe({ namespaces, pods, networkPolicies }: ClusterSnapshot): number | string {
  const binary = findCyclonus();
  if (binary === undefined) return 'no cyclonus: run "node scripts/setup/cyclonus.mjs"';
  const folder = mkdtempSync(join(tmpdir(), 'palisade-bench-'));
  try {
    const Resources = {
      Namespaces: Object.fromEntries(namespaces.map(({ name, labels }) => [name, labels])),
      Pods: pods.map(({ namespace, name, labels, ips, ports }) => ({
        ...{ Namespace: namespace, Name: name, Labels: labels, IP: ips[0] },
        Containers: ports.map((port) => ({ Name: 'c', PortName: port.name, Port: port.port, Protocol: port.protocol })),
      })),
    };
    writeFileSync(join(folder, 'probe.json'), JSON.stringify({ Resources, Probes: [{ Protocol: 'TCP', Port: 8080 }] }));
    const list = networkPolicies.map((policy) => ({ apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', ...(policy as object) }));
    writeFileSync(join(folder, 'policies.yaml'), list.map((policy) => JSON.stringify(policy)).join('\n---\n'));
    const args = ['analyze', '--mode', 'probe', '--probe-path', join(folder, 'probe.json'), '--policy-path', join(folder, 'policies.yaml')];
    const start = performance.now();
    const { status, stdout, stderr } = spawnSync(binary, args, { maxBuffer: 1 << 30, encoding: 'utf8', timeout: 300_000 });
    const ms = performance.now() - start;
    return status === 0 && stdout.includes('p299') ? ms : `it ended with ${status}: ${stderr.slice(-300)}`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
