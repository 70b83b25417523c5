/** Stands in for the Monaco editor, see vite.config.ts. */
export default () => null;
export const Editor = () => null;
export const loader = { config: () => undefined };
export const useMonaco = () => null;
export const languages = {};
export const editor = {};
