/** The API watched: everything that proxies are compiled from, always at hand. */
import { type ApiClient, isStatusError } from '@palisade/kubernetes';
import { createInformer, type Informer } from '@palisade/kubernetes/client';
import type { FindJwks } from '@palisade/mesh';
import { createMemo, type MeshSettings, type MeshSnapshot } from '@palisade/mesh/traffic';
import { legacyKinds } from './legacy-resources.ts';
import { type MeshKind, meshKinds, readSnapshot } from './snapshot.ts';

export interface MeshState {
  readonly informers: Readonly<Record<MeshKind, Informer>>;
  hasSynced(): Promise<void>;
  snapshot(settings: MeshSettings): MeshSnapshot;
  /** Something that a snapshot is read from is another than before. */
  onChange(listener: () => void): void;
}

/** Watched for other ends: no snapshot is read from them. */
const unread: readonly string[] = ['namespaces', 'configMaps'] satisfies MeshKind[];

export function watchMesh(client: ApiClient, signal: AbortSignal, log: (message: string) => void, findJwks: FindJwks): MeshState {
  // The old kinds are not defined in every cluster; should they be later, the informer's next attempt finds them.
  const absent = new Map<string, PromiseWithResolvers<void>>(
    Object.values(legacyKinds).map(([, , resource]) => [resource, Promise.withResolvers<void>()]),
  );
  const failed = (resource: string, error: unknown) => {
    const wait = absent.get(resource);
    if (wait !== undefined && isStatusError(error, 'NotFound')) wait.resolve();
    else log(`${resource}: ${String(error)}`);
  };
  const informers = Object.fromEntries(
    Object.entries(meshKinds).map(([kind, [group, version, resource]]) => [
      kind,
      createInformer(client, { group, version, resource }, { onError: (error) => failed(resource, error) }),
    ]),
  ) as unknown as Record<MeshKind, Informer>;
  for (const informer of Object.values(informers)) informer.start(signal);
  const kept = createMemo();
  return {
    informers,
    async hasSynced() {
      await Promise.all(
        Object.values(informers).map((informer) =>
          Promise.race([
            informer.hasSynced(),
            ...(absent.has(informer.resource.resource) ? [absent.get(informer.resource.resource)!.promise] : []),
          ]),
        ),
      );
    },
    onChange(listener) {
      for (const [kind, informer] of Object.entries(informers)) if (!unread.includes(kind)) informer.onChange(listener);
    },
    snapshot(settings) {
      const snapshot = readSnapshot(informers, settings, findJwks, log, kept.memo);
      kept.sweep();
      return snapshot;
    },
  };
}
