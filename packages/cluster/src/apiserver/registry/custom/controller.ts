import { cloneObject, type KubernetesObject } from '@palisade/kubernetes';
import type { UserInfo } from '../../../contract.ts';
import type { Core, Scope } from '../../core.ts';
import { deleteObject } from '../delete.ts';
import type { ServedResource } from '../resource.ts';
import { CLEANUP_FINALIZER } from '../strategies/custom-resource-definition.ts';
import { updateObject } from '../update.ts';
import { type CustomVersion, DEFINITIONS, servedResources } from './definition.ts';

const NO_USER: UserInfo = { username: 'system:apiserver', groups: [] };

/** Serves what the stored definitions say, from the moment they are committed, and empties definitions that are being deleted. */
export class CustomResources {
  readonly #core: Core;
  readonly #installed = new Map<string, CustomVersion[]>();
  readonly #cleaning = new Set<string>();
  readonly #unsubscribe: () => void;
  #seq: number;

  constructor(core: Core) {
    this.#core = core;
    const log = core.store.log(DEFINITIONS);
    this.#seq = log.nextSeq;
    for (const { object } of core.store.list(DEFINITIONS)) this.#install(object);
    this.#unsubscribe = log.subscribe(() => this.#sync());
  }

  /** Changes whenever what is served changes. */
  generation = 0;

  /** Every custom version, for documents. */
  versions(): CustomVersion[] {
    return [...this.#installed.values()].flat();
  }

  stop(): void {
    this.#unsubscribe();
  }

  #sync(): void {
    const events = this.#core.store.log(DEFINITIONS).read(this.#seq, Number.POSITIVE_INFINITY) ?? [];
    this.#seq += events.length;
    for (const { deleted, entry } of events) {
      if (deleted) this.#uninstall(entry.name);
      else this.#install(entry.object);
    }
  }

  #install(definition: KubernetesObject): void {
    const name = definition.metadata.name!;
    this.#uninstall(name);
    const versions = servedResources(this.#core.schemas, definition);
    for (const { served } of versions) this.#core.catalog.add(served);
    this.#installed.set(name, versions);
    if (definition.metadata.deletionTimestamp !== undefined) void this.#clean(name, versions);
  }

  #uninstall(name: string): void {
    for (const { served } of this.#installed.get(name) ?? []) this.#core.catalog.remove(served);
    this.#installed.delete(name);
    this.generation++;
  }

  /** Deletes every object, waits for those that finalizers hold, then lets the definition go. */
  async #clean(name: string, versions: readonly CustomVersion[]): Promise<void> {
    const served = versions[0]?.served;
    if (this.#cleaning.has(name)) return;
    this.#cleaning.add(name);
    try {
      if (served !== undefined) await this.#empty(served);
      const definitions = this.#core.catalog.find({ group: 'apiextensions.k8s.io', version: 'v1', resource: 'customresourcedefinitions' })!;
      await updateObject(this.#core, scopeOf(definitions, '', name), {
        part: 'whole-unchecked',
        compute(current) {
          const next = cloneObject(current);
          next.metadata.finalizers = (next.metadata.finalizers ?? []).filter((finalizer) => finalizer !== CLEANUP_FINALIZER);
          return next;
        },
      });
    } catch {
      // Gone meanwhile, or the server is closing: the next start takes it up again.
    } finally {
      this.#cleaning.delete(name);
    }
  }

  async #empty(served: ServedResource): Promise<void> {
    const { store } = this.#core;
    for (const entry of store.list(served.storeType)) {
      await deleteObject(this.#core, scopeOf(served, entry.namespace, entry.name), { propagationPolicy: 'Background' });
    }
    await store.settled();
    const log = store.log(served.storeType);
    while (store.list(served.storeType).length > 0) {
      await new Promise<void>((resolve) => {
        const done = log.subscribe(() => {
          done();
          resolve();
        });
      });
    }
  }
}

function scopeOf(resource: ServedResource, namespace: string, name: string): Scope {
  return {
    resource,
    namespace,
    name,
    subresource: '',
    user: NO_USER,
    dryRun: false,
    fieldValidation: 'Ignore',
    fieldManager: '',
    warn: () => {},
  };
}
