import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    // Their modules import CommonJS by name, which Node refuses and Vite resolves.
    server: { deps: { inline: [/@grafana/] } },
  },
});
