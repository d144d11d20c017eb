import { type Chapter, curlFrom, expectAnswer, rolledOut } from './chapter.ts';

const namespace = 'bookinfo';
const details = 'http://details.bookinfo:9080/details/0';
const read = /Shakespeare.* 200$/;
const denied = /^RBAC: access denied 403$/;

export const bookinfo: Chapter = {
  title: 'Bookinfo: mutual TLS for a whole namespace, and one reader (PeerAuthentication, AuthorizationPolicy)',
  why: 'Anybody reads details until the namespace takes mutual TLS only; then only productpage may, and only with GET.',
  async play(stage) {
    const { shell } = stage;
    const productpage = (...args: string[]) => curlFrom(stage, ['-n', namespace, 'deploy/productpage-v1', '-c', 'productpage'], ...args);
    const reviews = (...args: string[]) => curlFrom(stage, ['-n', namespace, 'deploy/reviews-v1', '-c', 'reviews'], ...args);
    const stranger = (...args: string[]) => curlFrom(stage, ['-n', 'strangers', 'reader'], ...args);
    const inPlace = ['-n', namespace, '-f'];
    await shell.run('kubectl', 'create', 'namespace', namespace);
    await shell.run('kubectl', 'create', 'namespace', 'strangers');
    await shell.run('kubectl', 'run', 'reader', '-n', 'strangers', '--image=curlimages/curl', '--command', '--', 'sleep', '100000');
    await shell.show('kubectl', 'label', 'namespace', namespace, 'istio-injection=enabled', 'palisade.dev/interception=redirect');
    await shell.run('kubectl', 'apply', ...inPlace, 'examples/bookinfo/programs.yaml');
    await shell.run('kubectl', 'apply', ...inPlace, 'examples/bookinfo/app.yaml');
    await rolledOut(stage, namespace, 'details-v1', 'ratings-v1', 'reviews-v1', 'reviews-v2', 'reviews-v3', 'productpage-v1');
    const open = await expectAnswer(stage, 'before: a stranger without a proxy reads details', read, () => stranger(details));
    await shell.show('kubectl', 'apply', ...inPlace, 'examples/bookinfo/strict.yaml');
    const strict = [
      await expectAnswer(stage, 'STRICT: the stranger gets nothing', /^000$/, () => stranger(details)),
      await expectAnswer(stage, 'STRICT: productpage, with its certificate, reads on', read, () => productpage(details)),
    ];
    await shell.show('kubectl', 'apply', ...inPlace, 'examples/bookinfo/deny-all.yaml');
    const closed = await expectAnswer(stage, 'deny-all: nobody reads', denied, () => productpage(details));
    // The file speaks of the namespace `default`.
    const policy = `sed s:ns/default/:ns/${namespace}/: examples/bookinfo/details-viewer.yaml | kubectl apply -n ${namespace} -f -`;
    await shell.show('sh', '-c', policy);
    const viewer = [
      await expectAnswer(stage, 'details-viewer: productpage reads', read, () => productpage(details)),
      await expectAnswer(stage, 'details-viewer: productpage may not POST', denied, () => productpage('-X', 'POST', details)),
      await expectAnswer(stage, 'details-viewer: nor ask for /ping', denied, () => productpage(details.replace('details/0', 'ping'))),
      await expectAnswer(stage, 'details-viewer: reviews may not read', denied, () => reviews(details)),
    ];
    const question = ['--from', 'deploy/reviews-v1', '--to', 'details', '--path', '/details/0', '-n', namespace];
    const why = await expectAnswer(stage, '"palisade authz explain" says why', /bookinfo-productpage \(it is .*bookinfo-reviews\)/, () =>
      stage.palisade('authz', 'explain', ...question),
    );
    await shell.run('kubectl', 'delete', 'authorizationpolicy,peerauthentication', '--all', '-n', namespace);
    const controls = [
      await expectAnswer(stage, 'control: without the policies reviews reads', read, () => reviews(details)),
      await expectAnswer(stage, 'control: and so does the stranger', read, () => stranger(details)),
    ];
    return [open, ...strict, closed, ...viewer, why, ...controls];
  },
};
