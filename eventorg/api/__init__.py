"""The resources of the API: one controller per noun, thin. No SQL, and no machinery: that is `eventorg.web`."""
