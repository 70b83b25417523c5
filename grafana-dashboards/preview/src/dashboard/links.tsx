/** Links of a dashboard and of its panels. A link to /d/UID opens in the preview just as it does in Grafana. */
import { Dropdown, Icon, Menu, PanelChrome, ToolbarButton } from '@grafana/ui';
import { sceneGraph, type SceneComponentProps, SceneObjectBase, type SceneObjectState } from '@grafana/scenes';
import type { DashboardLink } from '@grafana/schema';
import type { Entry } from './catalogue';
import { targetsOf, withMacros } from './linkTargets';

interface LinksState extends SceneObjectState {
  links: DashboardLink[];
  catalogue: Entry[];
}

/** The bar of links beside the variables. */
export class DashboardLinks extends SceneObjectBase<LinksState> {
  static Component = ({ model }: SceneComponentProps<DashboardLinks>) => {
    const { links, catalogue } = model.useState();
    return (
      <>
        {links.map((link) => {
          const targets = targetsOf(link, catalogue).map((target) => ({
            ...target,
            url: withMacros(target.url, link),
          }));
          const open = (url: string) => follow(sceneGraph.interpolate(model, url), link.targetBlank);
          if (!link.asDropdown) {
            return targets.map(({ title, url }) => (
              <ToolbarButton
                key={title}
                icon={link.type === 'link' ? 'external-link-alt' : 'apps'}
                tooltip={link.tooltip || title}
                variant="canvas"
                onClick={() => open(url)}
              >
                {title}
              </ToolbarButton>
            ));
          }
          const menu = (
            <Menu>
              {targets.map(({ title, url }) => (
                <Menu.Item key={title} label={title} onClick={() => open(url)} />
              ))}
            </Menu>
          );
          return (
            <Dropdown key={link.title} overlay={menu}>
              <ToolbarButton icon="bars" tooltip={link.tooltip || link.title} variant="canvas">
                {link.title}
              </ToolbarButton>
            </Dropdown>
          );
        })}
      </>
    );
  };
}

function follow(url: string, newTab: boolean): void {
  window.open(url, newTab ? '_blank' : '_self', 'noopener');
}

interface PanelLinksState extends SceneObjectState {
  links: DashboardLink[];
}

/** The one link sign in a panel's title; its addresses are filled in when it is used. */
export class PanelLinks extends SceneObjectBase<PanelLinksState> {
  static Component = ({ model }: SceneComponentProps<PanelLinks>) => {
    const { links } = model.useState();
    const title = (link: DashboardLink) => sceneGraph.interpolate(model, link.title);
    const open = (link: DashboardLink) =>
      follow(sceneGraph.interpolate(model, withMacros(link.url ?? '', link)), link.targetBlank);
    const [first, ...more] = links;
    if (!first) {
      return null;
    }
    if (more.length === 0) {
      return (
        <PanelChrome.TitleItem title={title(first)} onClick={() => open(first)}>
          <Icon name="external-link-alt" size="md" />
        </PanelChrome.TitleItem>
      );
    }
    const menu = (
      <Menu>
        {links.map((link) => (
          <Menu.Item key={link.title} label={title(link)} onClick={() => open(link)} />
        ))}
      </Menu>
    );
    return (
      <Dropdown overlay={menu}>
        <PanelChrome.TitleItem title="Links">
          <Icon name="link" size="md" />
        </PanelChrome.TitleItem>
      </Dropdown>
    );
  };
}
