/** The cluster-wide policy kinds of network-policy-api: defined at start, watched, and their status written. */
import { type ApiClient, isStatusError } from '@palisade/kubernetes';
import { policyDefinitions } from './definitions.ts';

export { policyResources } from './definitions.ts';
export { reportPolicyStatus } from './status.ts';

const DEFINITIONS = { group: 'apiextensions.k8s.io', version: 'v1', resource: 'customresourcedefinitions' };

/** Creates the definitions that are missing. One that stands already, of an earlier start or of the user, is left as it is. */
export async function ensurePolicyKinds(client: ApiClient): Promise<void> {
  for (const definition of policyDefinitions()) {
    try {
      await client.create(DEFINITIONS, definition);
    } catch (error) {
      if (!isStatusError(error, 'AlreadyExists')) throw error;
    }
  }
}
