import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createApiServer } from '@palisade/cluster/apiserver';
import { type Contender, connect } from './contender.ts';

export interface Embedded extends Contender, AsyncDisposable {
  /** Its certificates and keys: the real server is given the same, so that one kubeconfig differs in the address alone. */
  readonly pki: string;
  readonly folder: string;
}

/** The embedded API server alone: no controllers, no nodes. */
export async function startEmbedded(): Promise<Embedded> {
  const folder = mkdtempSync(join(tmpdir(), 'palisade-kube-api-'));
  const server = await createApiServer({ stateDir: join(folder, 'state'), clock: () => new Date() });
  const { port } = await server.listen('127.0.0.1', 0);
  writeFileSync(join(folder, 'kubeconfig'), await server.kubeconfig(`https://127.0.0.1:${port}`), { mode: 0o600 });
  const contender = connect(folder);
  return {
    ...contender,
    folder,
    pki: join(folder, 'state', 'pki'),
    async [Symbol.asyncDispose]() {
      contender[Symbol.dispose]();
      await server.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
