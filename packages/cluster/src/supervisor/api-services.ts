import { type ApiClient, isStatusError } from '@palisade/kubernetes';
import { observeGroup, observeVersion } from '@palisade/observe';
import { localApiService } from '../apiserver/index.ts';
import { metricsGroup, metricsVersion } from '../metrics/index.ts';

const RESOURCE = { group: 'apiregistration.k8s.io', version: 'v1', resource: 'apiservices' };
/** As metrics-server asks for itself. */
const PRIORITY = 100;

/** Groups that other parts of this process answer, for \`kubectl get apiservices\`. */
export async function ensureApiServices(client: ApiClient): Promise<void> {
  const answered = [
    { group: metricsGroup, version: metricsVersion },
    { group: observeGroup, version: observeVersion },
  ];
  for (const gv of answered) {
    try {
      await client.create(RESOURCE, localApiService(gv, PRIORITY, PRIORITY));
    } catch (error) {
      if (!isStatusError(error, 'AlreadyExists')) throw error;
    }
  }
}
