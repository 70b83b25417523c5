import { Card, TextLink } from '@grafana/ui';
import type { Entry } from '../dashboard/catalogue';

export function DashboardList({ catalogue }: { catalogue: Entry[] }) {
  return (
    <>
      <h2>Dashboards</h2>
      {catalogue.length === 0 && <p>There is no dashboard in grafana-dashboards/json yet.</p>}
      {catalogue.map(({ uid, title, description }) => (
        <Card key={uid} noMargin>
          <Card.Heading>
            <TextLink href={`/d/${uid}${location.search}`}>{title}</TextLink>
          </Card.Heading>
          <Card.Description>{description}</Card.Description>
        </Card>
      ))}
    </>
  );
}
