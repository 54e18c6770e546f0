"""Request handling that all resources share: no resource and no SQL."""
