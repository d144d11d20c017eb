/** Where the Core Rule Set's two lines are on this machine, and the settings their suites ask for. */
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Settings that the suites ask of an engine under test. */
export const crsSettings = `
SecRuleEngine DetectionOnly
SecRequestBodyAccess On
SecResponseBodyAccess On
SecResponseBodyMimeType text/plain text/html text/xml application/json
SecRequestBodyLimit 13107200
SecArgumentsLimit 2000
SecRule REQUEST_HEADERS:Content-Type "@rx (?i)^(?:application(?:/soap\\+|/)|text/)xml" "id:200000,phase:1,pass,nolog,ctl:requestBodyProcessor=XML"
SecRule REQUEST_HEADERS:Content-Type "@rx (?i)^application/(?:[a-z0-9.-]+\\+)?json" "id:200001,phase:1,pass,nolog,ctl:requestBodyProcessor=JSON"
SecAction "id:900000,phase:1,pass,nolog,setvar:tx.blocking_paranoia_level=4,setvar:tx.paranoia_level=4,setvar:tx.crs_validate_utf8_encoding=1,setvar:tx.arg_name_length=100,setvar:tx.arg_length=400,setvar:tx.total_arg_length=64000,setvar:tx.max_num_args=255,setvar:tx.max_file_size=64100,setvar:tx.combined_file_sizes=65535,setvar:tx.crs_setup_version=4250"
`;

/** Version 4.25.0: PALISADE_CRS4, or the Go module in its cache. Globs; the files may be absent. */
export const crs4Rules = (): readonly string[] => [
  join(
    process.env.PALISADE_CRS4 ??
      join(process.env.GOPATH ?? join(homedir(), 'go'), 'pkg/mod/github.com/corazawaf/coraza-coreruleset/v4@v4.25.0/rules/@owasp_crs'),
    '*.conf',
  ),
];

/** What to do when they are. */
export const crs4Missing = 'run `go mod download github.com/corazawaf/coraza-coreruleset/v4@v4.25.0` or set PALISADE_CRS4';

/** The tools that set-up fetched. */
export const toolsRoot = (): string => join(process.env.PALISADE_CACHE ?? join(homedir(), '.cache/palisade'), 'tools/root');

/** Version 3.3.4: PALISADE_CRS3, or Debian's package in the cache. */
export const crs3Rules = (): readonly string[] => [
  join(process.env.PALISADE_CRS3 ?? join(toolsRoot(), 'usr/share/modsecurity-crs/rules'), '*.conf'),
];
