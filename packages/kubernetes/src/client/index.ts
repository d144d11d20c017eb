/** Talking to a Kubernetes API: over HTTPS from a kubeconfig, caches kept by watches, queues of work. */
export * from './api-client.ts';
export { type Clock, sleep, systemClock } from './clock.ts';
export { createHttpClient, type HttpApiClient, type RawRequest, type RawResponse } from './http-client.ts';
export { type ChangeHandler, type ChangeType, createInformer, type Informer, type InformerOptions } from './informer.ts';
export { type ClusterAccess, inClusterAccess, KubeconfigError, loadKubeconfig } from './kubeconfig.ts';
export { type ObjectCache, objectKey, splitKey } from './object-cache.ts';
export { resourcePath } from './resource-path.ts';
export { createWorkQueue, type WorkQueue, type WorkQueueOptions } from './work-queue.ts';
