"""How plugins are found, loaded, told what happened and run; what they may use is `eventorg.plugin`."""
