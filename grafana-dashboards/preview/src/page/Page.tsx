/** What stands around a dashboard: theme, routes and the bar to choose another. */
import { ThemeContext } from '@grafana/data';
import { config, locationService, LocationServiceProvider } from '@grafana/runtime';
import { GlobalStyles, PortalContainer } from '@grafana/ui';
import { type ReactNode, useSyncExternalStore } from 'react';
import { Router } from 'react-router-dom';

/** The libraries read and write the address through their own history; the router follows it. */
function useLocation() {
  const history = locationService.getHistory();
  return useSyncExternalStore(
    (changed) => history.listen(changed),
    () => history.location,
  );
}

export function Page({ children }: { children: ReactNode }) {
  const theme = config.theme2;
  const location = useLocation();
  return (
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
      <LocationServiceProvider service={locationService}>
        <Router location={location} navigator={locationService.getHistory()}>
          <div style={{ padding: theme.spacing(2), background: theme.colors.background.canvas, minHeight: '100vh' }}>
            {children}
          </div>
          <PortalContainer />
        </Router>
      </LocationServiceProvider>
    </ThemeContext.Provider>
  );
}
