/** Text in Markdown, HTML or code, sanitised by @grafana/data. */
import { type PanelProps, renderTextPanelMarkdown, textUtil } from '@grafana/data';
import { declarePanel } from './plugin';

interface Options {
  mode: 'markdown' | 'html' | 'code';
  content: string;
}

function TextPanel({ options, replaceVariables, width, height }: PanelProps<Options>) {
  const content = replaceVariables(options.content, {}, options.mode === 'html' ? 'html' : undefined);
  return (
    <div
      className="markdown-html"
      style={{ width, height, overflow: 'auto' }}
      dangerouslySetInnerHTML={{ __html: toHtml(options.mode, content) }}
    />
  );
}

function toHtml(mode: Options['mode'], content: string): string {
  switch (mode) {
    case 'html':
      return textUtil.sanitizeTextPanelContent(content);
    case 'code':
      return `<pre>${textUtil.escapeHtml(content)}</pre>`;
    case 'markdown':
      return renderTextPanelMarkdown(content);
  }
}

declarePanel<Options>({
  id: 'text',
  component: TextPanel,
  withoutData: true,
  options: { mode: 'markdown', content: '', code: undefined },
});
