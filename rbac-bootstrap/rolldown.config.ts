/** Bundles the program with the part of the server that says which rights its tools need. dist/ runs without node_modules. */
import { chmod, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { defineConfig, type Plugin } from 'rolldown';
import { thirdPartyLicenses } from '../server/scripts/third-party-licenses.ts';

const outputFolder = fileURLToPath(new URL('dist', import.meta.url));

const executable: Plugin = {
  name: 'executable',
  buildStart: () => rm(outputFolder, { recursive: true, force: true }),
  writeBundle: () => chmod(`${outputFolder}/main.js`, 0o755),
};

export default defineConfig({
  input: { main: 'src/main.ts' },
  platform: 'node',
  plugins: [executable, thirdPartyLicenses()],
  // Its files do nothing when they are only imported, although its package.json does not say so.
  treeshake: { moduleSideEffects: (id) => !id.includes('/node_modules/@kubernetes/client-node/') },
  // The chart's values and schema come along as files, found by their URL as in the sources.
  experimental: { resolveNewUrlToAsset: true },
  output: {
    dir: 'dist',
    format: 'esm',
    minify: { compress: true, mangle: true, codegen: true },
    chunkFileNames: 'chunks/[name]-[hash].js',
  },
});
