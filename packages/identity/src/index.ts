export {
  type Authority,
  createAuthority,
  createIntermediate,
  createRoot,
  type KeyedCertificate,
  loadAuthority,
  type SigningEdges,
} from './authority.ts';
export { addRoot, createBundle, dropRetired, renderBundle, signWith, type TrustBundle, type TrustedRoot } from './bundle.ts';
export { jwksNetwork } from './client/jwks-get.ts';
export { createJwksSource, type JwksEdges, type JwksSource } from './client/jwks-source.ts';
export { blocks as networks, refuseJwksAddress, refuseJwksUri } from './client/jwks-target.ts';
export { IdentityError, type IdentityErrorCode } from './identity-error.ts';
export { createJwtVerifier, type JwtClaims, type JwtCode, type JwtIssuer, type JwtVerdict, type JwtVerifier, parseJwks } from './jwt.ts';
export { admitsServer, identifyPeer, type PeerIdentity } from './peer.ts';
export { createKeyAndRequest, defaultGraceRatio, type KeyAndRequest, renewalTime } from './request.ts';
export { signServer } from './server-certificate.ts';
export { type CheckedRequest, checkRequest, signWorkload, type WorkloadCertificate } from './sign.ts';
export { formatWorkloadId, parseWorkloadId, type WorkloadId } from './spiffe-id.ts';
export { expandPrincipal, expandTrustDomain, isTrustedDomain, type TrustDomains } from './trust-domain.ts';
