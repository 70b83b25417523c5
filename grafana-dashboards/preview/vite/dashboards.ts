/** Serves the generated dashboards at /dashboards/, in development and from the build alike. */
import { readFileSync, readdirSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import type { Plugin } from 'vite';

interface Entry {
  uid: string;
  title: string;
  description: string;
  tags: string[];
  file: string;
}

function catalogue(folder: string): Entry[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .sort()
    .map((file) => {
      const { uid, title, description = '', tags = [] } = JSON.parse(readFileSync(join(folder, file), 'utf8'));
      return { uid, title, description, tags, file };
    });
}

export function dashboards(folder: string): Plugin {
  const serve = (request: IncomingMessage, response: ServerResponse) => {
    const name = new URL(request.url ?? '/', 'http://preview').pathname.slice(1);
    const entries = catalogue(folder);
    const known = entries.some((entry) => entry.file === name);
    response.setHeader('Content-Type', 'application/json');
    if (name === 'index.json') {
      response.end(JSON.stringify(entries));
    } else if (known) {
      response.end(readFileSync(join(folder, name)));
    } else {
      response.statusCode = 404;
      response.end(JSON.stringify({ error: `no dashboard file ${name}` }));
    }
  };
  return {
    name: 'dashboards',
    configureServer(server) {
      server.middlewares.use('/dashboards', serve);
      server.watcher.add(folder);
      server.watcher.on('change', (path) => {
        if (path.startsWith(folder)) {
          server.ws.send({ type: 'full-reload' });
        }
      });
    },
    configurePreviewServer(server) {
      server.middlewares.use('/dashboards', serve);
    },
  };
}
