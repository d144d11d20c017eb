/** Labels and annotations that people and webhooks write. */

/** Of a pod: `false` keeps the proxy out, `true` asks for one. */
export const injectName = 'sidecar.istio.io/inject';
/** `redirect` or `inline`, of a pod or its namespace. */
export const interceptionName = 'palisade.dev/interception';
/** A port of the application that a WAF in its pod stands before. */
export const wafName = 'palisade.dev/waf-sidecar';
