"""What every request shares: authentication, bodies, problems, conditional requests, OpenAPI. No resource, no SQL."""
