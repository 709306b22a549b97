/** Writes container images as OCI image layouts in one archive, which containerd, Docker and kind can load. */
import { createHash } from 'node:crypto';
import { type TarEntry, tarArchive } from './tar.ts';

/** How containers of an image start, in the words of the OCI image specification. */
export interface RunConfig {
  User: string;
  Env: readonly string[];
  Entrypoint: readonly string[];
  Cmd: readonly string[];
  WorkingDir: string;
  Labels: Readonly<Record<string, string>>;
}

export interface Image {
  /** Full name, with tag, for a digest. */
  name(digest: string): string;
  /** In the words of Go: `amd64`, `arm64`. */
  architecture: string;
  config: RunConfig;
  /** Tar archives, lowest first. */
  layers: readonly Buffer[];
}

interface Blob {
  digest: string;
  content: Buffer;
}

const types = {
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar',
};

/** The archive, and the name of the image in it. The digest is that of the manifest, so of everything. */
export function ociArchive({ name, architecture, config, layers }: Image): { archive: Buffer; name: string } {
  const layerBlobs = layers.map(blobOf);
  const image = jsonBlob({
    architecture,
    os: 'linux',
    config,
    rootfs: { type: 'layers', diff_ids: layerBlobs.map(({ digest }) => digest) },
  });
  const manifest = jsonBlob({
    schemaVersion: 2,
    mediaType: types.manifest,
    config: describe(image, types.config),
    layers: layerBlobs.map((blob) => describe(blob, types.layer)),
  });
  const fullName = name(manifest.digest);
  const index = jsonBlob({
    schemaVersion: 2,
    manifests: [
      {
        ...describe(manifest, types.manifest),
        platform: { architecture, os: 'linux' },
        annotations: { 'io.containerd.image.name': fullName },
      },
    ],
  });
  const archive = tarArchive([
    file('oci-layout', Buffer.from('{"imageLayoutVersion":"1.0.0"}')),
    file('index.json', index.content),
    { type: 'folder', path: 'blobs', mode: 0o755 },
    { type: 'folder', path: 'blobs/sha256', mode: 0o755 },
    ...[...layerBlobs, image, manifest].map(({ digest, content }) =>
      file(`blobs/${digest.replace(':', '/')}`, content),
    ),
  ]);
  return { archive, name: fullName };
}

function file(path: string, content: Buffer): TarEntry {
  return { type: 'file', path, mode: 0o644, content };
}

function blobOf(content: Buffer): Blob {
  return { digest: `sha256:${createHash('sha256').update(content).digest('hex')}`, content };
}

function jsonBlob(value: object): Blob {
  return blobOf(Buffer.from(JSON.stringify(value)));
}

function describe({ digest, content }: Blob, mediaType: string): object {
  return { mediaType, digest, size: content.byteLength };
}
