/**
 * Secrets on a proxy's one discovery stream have two sources: the workload's own certificate is the agent's to give, a gateway's
 * credentials (`kubernetes://NAME`) are the control plane's. Requests are divided by name, answers told apart by their nonce.
 */
import { create } from '@bufbuild/protobuf';
import { type DeltaDiscoveryRequest, DeltaDiscoveryRequestSchema } from '@palisade/xds/api/envoy/service/discovery/v3/discovery';

/** In front of the nonces of the agent's answers. */
export const ownNonce = 'agent:';

const isForControlPlane = (name: string) => name.startsWith('kubernetes://');

export interface DividedRequest {
  /** For the agent; its nonce is without the mark. */
  readonly own?: DeltaDiscoveryRequest;
  readonly onward?: DeltaDiscoveryRequest;
}

export function divideSecretRequest(request: DeltaDiscoveryRequest): DividedRequest {
  const isOwnAnswer = request.responseNonce.startsWith(ownNonce);
  const part = (fits: (name: string) => boolean, isAnswer: boolean, nonce: string): DeltaDiscoveryRequest | undefined => {
    const subscribed = request.resourceNamesSubscribe.filter(fits);
    const unsubscribed = request.resourceNamesUnsubscribe.filter(fits);
    // A request without names would mean "everything".
    if (!isAnswer && subscribed.length + unsubscribed.length === 0) return undefined;
    const { errorDetail, node } = request;
    return create(DeltaDiscoveryRequestSchema, {
      typeUrl: request.typeUrl,
      resourceNamesSubscribe: subscribed,
      resourceNamesUnsubscribe: unsubscribed,
      initialResourceVersions: Object.fromEntries(Object.entries(request.initialResourceVersions).filter(([name]) => fits(name))),
      ...(node === undefined ? {} : { node }),
      ...(isAnswer ? { responseNonce: nonce, ...(errorDetail === undefined ? {} : { errorDetail }) } : {}),
    });
  };
  const own = part((name) => !isForControlPlane(name), isOwnAnswer, request.responseNonce.slice(ownNonce.length));
  const onward = part(isForControlPlane, request.responseNonce !== '' && !isOwnAnswer, request.responseNonce);
  return { ...(own && { own }), ...(onward && { onward }) };
}
