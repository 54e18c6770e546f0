"""The host menu: an event in the hands of its hosts, in private."""
