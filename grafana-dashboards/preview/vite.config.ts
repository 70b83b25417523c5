import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';
import { dashboards } from './vite/dashboards.ts';

const stub = fileURLToPath(new URL('./src/stub.ts', import.meta.url));
const json = fileURLToPath(new URL('../json', import.meta.url));

// Only this path leaves the page, and only to the Prometheus that was named.
const proxy = {
  '/prometheus': {
    target: process.env.PROM_URL ?? 'http://127.0.0.1:9090',
    changeOrigin: true,
    rewrite: (path: string) => path.replace(/^\/prometheus/, ''),
  },
};

export default defineConfig({
  plugins: [dashboards(process.env.DASHBOARDS_DIR ?? json)],
  resolve: {
    // The code editors of @grafana/ui, which no panel shows: 3 MB of bundle less.
    alias: { '@monaco-editor/react': stub, 'monaco-editor': stub, 'monaco-editor/esm/vs/editor/editor.api': stub },
    dedupe: ['react', 'react-dom'],
  },
  server: { proxy, host: '127.0.0.1' },
  preview: { proxy, host: '127.0.0.1' },
  build: { target: 'es2022', chunkSizeWarningLimit: 20_000 },
});
