import type { FieldDisplay } from '@grafana/data';
import { DataLinksContextMenu } from '@grafana/ui';
import type { JSX } from 'react';

/** A value that opens its data links on a click, where it has any. */
export function WithLinks({ value, children }: { value: FieldDisplay; children: (className?: string) => JSX.Element }) {
  const { getLinks, hasLinks } = value;
  if (!hasLinks || !getLinks) {
    return children();
  }
  return (
    <DataLinksContextMenu links={() => getLinks()}>
      {({ targetClassName }) => children(targetClassName)}
    </DataLinksContextMenu>
  );
}
