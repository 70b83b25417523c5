/** TooltipPlugin2's hover modes; the library exports the enum as a type alone. */
import type { TooltipPlugin2 } from '@grafana/ui';
import type { ComponentProps } from 'react';

type HoverMode = ComponentProps<typeof TooltipPlugin2>['hoverMode'];

export const HOVER_ONE = 0 as HoverMode;
export const HOVER_ALL = 1 as HoverMode;
