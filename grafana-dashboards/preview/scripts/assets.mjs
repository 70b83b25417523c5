// Copies the icons that @grafana/ui ships and the fonts it expects into public/, so that nothing comes from outside.
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const copy = (from, to) => cpSync(`${root}node_modules/${from}`, `${root}public/${to}`, { recursive: true });

for (const folder of ['fonts/inter', 'fonts/roboto']) {
  mkdirSync(`${root}public/${folder}`, { recursive: true });
}
copy('@grafana/ui/dist/public/img/icons', 'build/img/icons');
for (const weight of ['Regular', 'Medium', 'Italic', 'MediumItalic']) {
  copy(`inter-ui/web/Inter-${weight}.woff2`, `fonts/inter/Inter-${weight}.woff2`);
}
// The name under which @grafana/ui's stylesheet asks for Roboto Mono.
const mono = 'L0xTDF4xlVMF-BfR8bXMIhJHg45mwgGEFl0_3vrtSM1J-gEPT5Ese6hmHSh0mQ.woff2';
copy('@fontsource/roboto-mono/files/roboto-mono-latin-400-normal.woff2', `fonts/roboto/${mono}`);

// The time picker's left arrow is the one icon that @grafana/ui uses and does not ship: mirror the right one.
const icons = `${root}public/build/img/icons/unicons/`;
const right = readFileSync(`${icons}angle-double-right.svg`, 'utf8');
writeFileSync(`${icons}angle-double-left.svg`, right.replace(/<path /g, '<path transform="matrix(-1 0 0 1 24 0)" '));
