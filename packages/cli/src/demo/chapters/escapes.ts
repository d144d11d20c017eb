import { type Chapter, type ChapterStage, expectAnswer, rolledOut } from './chapter.ts';

const host = 'vault.escape-vault';
/** Of the application's own container, made by hand, as in the seed. */
const become = (user: number) => (user === 0 ? '' : `process.setgid(${user});process.setuid(${user});`);
const ask = (user: number) =>
  `${become(user)}const g=require("http").get("http://${host}:8080/",{timeout:4000,agent:false},(r)=>{r.resume();console.log(r.statusCode)});` +
  'g.on("error",(e)=>console.log(e.code));g.on("timeout",()=>g.destroy())';
/** As long as it takes until somebody looks. */
const hold = (user: number) => `${become(user)}require("net").connect(8080,"${host}");setTimeout(()=>process.exit(),12000)`;

const places = ['escape-redirect', 'escape-inline'] as const;

export const escapes: Chapter = {
  title: 'Mesh Escape 101: user 1337, past the proxy under redirect, nowhere inline',
  why: 'A sidecar exempts its own user from interception. Whoever becomes that user inside the pod goes past it, unless the proxy stands outside.',
  async play(stage) {
    const { shell } = stage;
    await shell.run('kubectl', 'apply', '-f', 'examples/escapes/');
    for (const place of places) await rolledOut(stage, place, 'app');
    await shell.run('kubectl', 'wait', '-n', 'escape-vault', '--for=condition=Ready', 'pod/vault', '--timeout=60s');
    const closed = [];
    for (const place of places) {
      const text = `${place}: the application’s proxy lets it nowhere near the vault`;
      closed.push(await expectAnswer(stage, text, /^451$/, () => run(stage, place, ask(0))));
    }
    const escaped = await expectAnswer(stage, 'escape-redirect: as user 1337 it is there', /^200$/, () =>
      run(stage, 'escape-redirect', ask(1337)),
    );
    await run(stage, 'escape-redirect', hold(1337));
    return [
      ...closed,
      escaped,
      await expectAnswer(stage, 'and "palisade flows --verdict AUDIT" reports the escape', /user 1337 that is not the proxy/, () =>
        stage.palisade('flows', '--verdict', 'AUDIT', '--from', 'escape-redirect/app'),
      ),
      await expectAnswer(stage, 'escape-inline: user 1337 is anybody', /^451$/, () => run(stage, 'escape-inline', ask(1337))),
    ];
  },
};

async function run({ shell }: ChapterStage, place: string, script: string): Promise<string> {
  return (await shell.run('kubectl', 'exec', '-n', place, 'deploy/app', '-c', 'c', '--', 'node', '-e', script)).stdout.trim();
}
