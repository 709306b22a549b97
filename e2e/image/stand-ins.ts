/**
 * Images that stand in for the bases of the Dockerfile where no registry of images can be reached: Debian with Node.js and npm for
 * the stages that build, and Node.js alone for the stage that runs. They prove the Dockerfile, not its bases.
 */
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { output } from '../scripts/command.ts';
import { Failure } from '../scripts/failure.ts';
import { architecture, baseLayer, folderEntries, node, nonroot, text, withFolders } from './content.ts';
import { type Image, ociArchive } from './oci.ts';
import { tarArchive } from './tar.ts';

/** Where images are kept. */
export interface ImageStore {
  /** Whether there is an image of that full name. */
  has(name: string): Promise<boolean>;
  /** Takes the image of an OCI archive. */
  load(archive: string): Promise<void>;
}

/** Debian's release, as the base of the runtime has it. */
const debian = 'trixie';
/** The npm that Node.js 24.21 comes with. */
const npmVersion = '11.19.0';
const certificates = '/etc/ssl/certs/ca-certificates.crt';

/** Makes the images that the store does not have yet, and says by which build arguments the Dockerfile takes them. */
export async function makeStandIns(
  store: ImageStore,
): Promise<Record<'NODE_IMAGE' | 'RUNTIME_IMAGE', string>> {
  const folder = await mkdtemp(join(tmpdir(), 'cnpg-mcp-bases-'));
  try {
    return {
      NODE_IMAGE: await makeBuildBase(store, folder),
      RUNTIME_IMAGE: await makeRuntimeBase(store, folder),
    };
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** In the place of distroless: what `make image` without an engine has below the server. */
async function makeRuntimeBase(store: ImageStore, folder: string): Promise<string> {
  const layer = tarArchive(await baseLayer());
  const name = `localhost/stand-in-runtime:${keyOf(layer)}`;
  await load(store, folder, name, [layer], {
    User: `${nonroot}`,
    Env: ['PATH=/usr/local/bin:/usr/bin:/bin', `SSL_CERT_FILE=${certificates}`],
    Entrypoint: [node],
    Cmd: [],
    WorkingDir: '/home/nonroot',
    Labels: {},
  });
  return name;
}

/**
 * In the place of Node's own image. Like the base of a company, it knows the registry of packages and the certificates that hold
 * on this machine.
 */
async function makeBuildBase(store: ImageStore, folder: string): Promise<string> {
  const trusted = await trustedHere();
  const registry = (await output('npm', ['config', 'get', 'registry'])).trim();
  const key = keyOf(process.version, debian, npmVersion, registry, trusted ?? '');
  const name = `localhost/stand-in-node:${key}`;
  if (await store.has(name)) return name;
  const npm = '/usr/local/lib/node_modules/npm';
  await output('npm', [
    ...['install', '--prefix', folder, '--no-save', '--no-audit', '--no-fund', '--no-package-lock'],
    `npm@${npmVersion}`,
  ]);
  const entries = withFolders([
    { type: 'file', path: 'usr/local/bin/node', mode: 0o755, content: await readFile(process.execPath) },
    text('/usr/local/bin/npm', `#!/bin/sh\nexec node ${npm}/bin/npm-cli.js "$@"\n`, 0o755),
    ...(await folderEntries(join(folder, 'node_modules/npm'), npm)),
    ...(trusted === undefined ? [] : [text(certificates, trusted)]),
  ]);
  const layers = [await debianFiles(join(folder, 'debian.tar')), tarArchive(entries)];
  await load(store, folder, name, layers, {
    User: '',
    Env: [
      'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      `npm_config_registry=${registry}`,
      ...(trusted === undefined ? [] : [`NODE_EXTRA_CA_CERTS=${certificates}`]),
    ],
    Entrypoint: [],
    Cmd: ['node'],
    WorkingDir: '/',
    Labels: {},
  });
  return name;
}

async function load(
  store: ImageStore,
  folder: string,
  name: string,
  layers: readonly Buffer[],
  config: Image['config'],
): Promise<void> {
  if (await store.has(name)) return;
  const file = join(folder, 'image.tar');
  const { archive } = ociArchive({ name: () => name, architecture: architecture(), config, layers });
  await writeFile(file, archive);
  await store.load(file);
}

/** The file system of a minimal Debian, from the mirror that apt uses. */
async function debianFiles(file: string): Promise<Buffer> {
  const mirrors = await output('apt-get', [
    ...['indextargets', '--format', '$(REPO_URI)'],
    ...['Created-By: Packages', 'Origin: Debian', 'Label: Debian'],
  ]);
  const [mirror] = mirrors.split('\n');
  if (!mirror) throw new Failure('apt knows no Debian mirror: run apt-get update.');
  await output('mmdebstrap', [
    ...['--quiet', '--variant=minbase', '--format=tar'],
    ...['man', 'doc', 'locale'].map((part) => `--dpkgopt=path-exclude=/usr/share/${part}/*`),
    ...[debian, file, `deb ${mirror} ${debian} main`],
  ]);
  return readFile(file);
}

/** Certificates that Node.js trusts here beside its own. */
async function trustedHere(): Promise<string | undefined> {
  const file = process.env.NODE_EXTRA_CA_CERTS;
  return file ? readFile(file, 'utf8') : undefined;
}

function keyOf(...parts: readonly (string | Buffer)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part).update('\0');
  return hash.digest('hex').slice(0, 12);
}
