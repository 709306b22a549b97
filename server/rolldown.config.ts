/**
 * Bundles the server: fewer files and only the code that is reached, so that it starts faster and in less memory than from
 * node_modules (measured in docs/decisions/0003). dist/ runs alone, without node_modules.
 */
import { chmod, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { defineConfig, type Plugin } from 'rolldown';
import { thirdPartyLicenses } from './scripts/third-party-licenses.ts';

const outputFolder = fileURLToPath(new URL('dist', import.meta.url));

/** Packages whose files do nothing when they are only imported, although their package.json does not say so. */
const withoutSideEffects = ['@kubernetes/client-node'];

const program: Plugin = {
  name: 'program',
  // Chunks carry a hash in their names: those of an earlier build would stay.
  buildStart: () => rm(outputFolder, { recursive: true, force: true }),
  generateBundle() {
    // Wherever the folder is copied to: without it Node would try every file as CommonJS first.
    this.emitFile({ type: 'asset', fileName: 'package.json', source: '{ "type": "module" }\n' });
  },
  writeBundle: () => chmod(`${outputFolder}/main.js`, 0o755),
};

export default defineConfig({
  input: { main: 'src/main.ts' },
  platform: 'node',
  plugins: [program, thirdPartyLicenses()],
  treeshake: {
    moduleSideEffects: (id) => !withoutSideEffects.some((name) => id.includes(`/node_modules/${name}/`)),
  },
  output: {
    dir: 'dist',
    format: 'esm',
    minify: { compress: true, mangle: true, codegen: true },
    chunkFileNames: 'chunks/[name]-[hash].js',
  },
});
