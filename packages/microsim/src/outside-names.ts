/**
 * The names the simulator calls "the internet". All but the generated-domain lookups stand under `.example` (RFC 2606), which no
 * public resolver answers: outside the embedded cluster, whose DNS serves them, they lead nowhere.
 */
export const MIRROR_URLS: readonly string[] = [
  'http://mirror.north.example/centos/',
  'http://mirror.south.example/centos/',
  'http://mirror.east.example/centos/',
  'http://mirror.west.example/centos/',
  'http://mirror.campus.example/centos/',
  'http://mirror.library.example/centos/',
  'http://mirror.harbor.example/centos/',
  'http://mirror.valley.example/centos/',
  'http://mirror.island.example/centos/',
  'http://mirror.summit.example/centos/',
  'http://mirror.meadow.example/centos/',
];

/** Answers the EICAR test text, which every scanner knows and nothing runs. */
export const MALWARE_URL = 'http://malware.example/eicar.com.txt';

/** Looked up, never contacted: what a domain generation algorithm would ask for. The original's shape: a letter, 32 hex digits, a top-level domain. */
export const GENERATED_NAMES: readonly string[] = [
  't3622c4773260c097e2e9b26705212ab85.ws',
  'u83ccf36d9f02e9ea79a9d16c0336677e4.to',
  'v02bec0c090508bc76b3ea81dfc2198a71.in',
  'wa9e4628c334324e181e40f33f878c153f.hk',
  'xdcc5481252db5f38d5fc18c9ad3b2f7fd.cn',
  'yf32d9ac7f0a9f463e8da4736b12d7044a.tk',
];
