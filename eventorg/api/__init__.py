"""The resources of the API: one thin controller per noun. Shared request handling is in `eventorg.web`."""
